"""Folds the events of one answer into its CallRecord and judges it; does no I/O.

What ends an answer is the first of these in the order of its bytes; all that follows is ignored:

    StreamFault            stream_error   also when `[DONE]` follows
    Malformed              malformed
    Done                   no finish reason → truncated; no content → empty; else success;
                           of embeddings: no vector or an empty one → empty; else success
    the end of the body    truncated
"""

from __future__ import annotations

from typing import Final

from tokenswarm.metrics.call import CallRecord
from tokenswarm.wire.events import (
    Done,
    Embeddings,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    Started,
    StreamFault,
    TextDelta,
    ToolDelta,
    Usage,
    Whole,
)
from tokenswarm.wire.stamp import TAIL_CHARS

# A tuple: isinstance() with a union takes longer than all else that is done for a chunk.
_CONTENT: Final = (TextDelta, ReasoningDelta, ToolDelta)
_CHARS_PER_TOKEN: Final = 4  # the rule of thumb for English text


class Answer:
    """One successful response (2xx) under way."""

    __slots__ = ("_embeddings", "_record", "has_content", "is_over")

    def __init__(self, record: CallRecord) -> None:
        self._record = record
        self._embeddings: Embeddings | None = None
        self.has_content = False
        self.is_over = False

    def take(self, events: list[Event], at_s: float) -> None:
        """Fold the events of one read, which came at `at_s`."""
        record = self._record
        chunks = 0
        for event in events:
            # The common kind first: this runs for each chunk of each stream.
            if isinstance(event, _CONTENT):
                chunks += 1
                text = event.text
                record.output_chars += len(text)
                if record.text_hash is not None:
                    record.text_hash.update(text.encode("utf-8", "surrogatepass"))
                if record.text_tail is not None:
                    record.text_tail = (record.text_tail + text)[-TAIL_CHARS:]
                if record.first_output_at_s is None and not isinstance(event, ReasoningDelta):
                    record.first_output_at_s = at_s
            elif isinstance(event, Whole):
                self._take_whole(event, at_s)
            elif isinstance(event, Finished):
                record.finish_reason = event.reason
            elif isinstance(event, Usage):
                self._count(event)
            elif isinstance(event, Started):
                record.response_id, record.model = event.id, event.model
            elif isinstance(event, Embeddings):
                self._embeddings = event
            else:
                self._end(event)
                break
        if chunks:
            self.has_content = True
            record.content_at_s.append(at_s)
            record.chunks += chunks
            if chunks > 1:
                record.chunks_together += chunks

    def _take_whole(self, whole: Whole, at_s: float) -> None:
        record = self._record
        if record.text_hash is not None or record.text_tail is not None:
            self.take(whole.events(), at_s)
            return
        record.response_id, record.model, record.finish_reason = whole.id, whole.model, whole.reason
        record.output_chars += len(whole.text)
        if record.first_output_at_s is None:
            record.first_output_at_s = at_s
        record.content_at_s.append(at_s)
        record.chunks += 1
        if whole.usage is not None:
            self._count(whole.usage)
        self.has_content = self.is_over = True

    def judge(self) -> None:
        """No more will come: set the outcome, and estimate the tokens if the server did not count them."""
        record = self._record
        if not self.is_over:
            self._fail("truncated", "the answer ended without its terminal event")
        if record.output_tokens is None and record.output_chars:
            record.output_tokens = -(-record.output_chars // _CHARS_PER_TOKEN)
            record.tokens_estimated = True

    def _count(self, usage: Usage) -> None:
        record = self._record
        if usage.input_tokens is not None:
            record.input_tokens = usage.input_tokens
        if usage.output_tokens is not None:
            record.output_tokens = usage.output_tokens
        if usage.reasoning_tokens is not None:
            record.reasoning_tokens = usage.reasoning_tokens
        if usage.cached_input_tokens is not None:
            record.cached_input_tokens = usage.cached_input_tokens
        if usage.cost is not None:
            record.cost = usage.cost

    def _end(self, event: StreamFault | Malformed | Done) -> None:
        self.is_over = True
        if isinstance(event, StreamFault):
            said = ", ".join(filter(None, (event.kind, event.code)))
            self._fail("stream_error", f"{event.message} ({said})" if said else event.message)
        elif isinstance(event, Malformed):
            self._fail("malformed", event.detail)
        else:
            self._judge_whole()

    def _judge_whole(self) -> None:
        record = self._record
        embeddings = self._embeddings
        if embeddings is not None:
            if not embeddings.dimensions:
                self._fail(
                    "empty", "no embedding" if not embeddings.count else "an embedding without numbers"
                )
        elif not record.finish_reason:
            self._fail("truncated", "the answer ended without a finish reason: its upstream was cut")
        elif not record.output_chars:
            self._fail("empty", f"finish reason {record.finish_reason!r}, but no content")

    def _fail(self, outcome: str, detail: str) -> None:
        self._record.outcome = outcome
        self._record.detail = detail
