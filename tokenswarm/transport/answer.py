"""Folds the events of one answer into its CallRecord and judges it; does no I/O.

What ends an answer is the first of these in the order of its bytes; all that follows is ignored:

    StreamFault            stream_error   also when `[DONE]` follows
    Malformed              malformed
    Done                   no finish reason → truncated; no content → empty; else success
    the end of the body    truncated
"""

from __future__ import annotations

from typing import Final

from tokenswarm.metrics.call import CallRecord
from tokenswarm.wire.events import (
    Done,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    Started,
    StreamFault,
    TextDelta,
    ToolDelta,
    Usage,
)

_CHARS_PER_TOKEN: Final = 4  # the rule of thumb for English text


class Answer:
    """One successful response (2xx) under way."""

    __slots__ = ("_record", "has_content", "is_over")

    def __init__(self, record: CallRecord) -> None:
        self._record = record
        self.has_content = False
        self.is_over = False

    def take(self, events: list[Event], at_s: float) -> None:
        """Fold the events of one read, which came at `at_s`."""
        record = self._record
        chunks = 0
        for event in events:
            kind = type(event)
            # The common kinds first: this runs for each chunk of each stream.
            if kind is TextDelta or kind is ReasoningDelta or kind is ToolDelta:
                chunks += 1
                record.output_chars += len(event.text)  # type: ignore[union-attr]  # mypy can't follow `kind`
                if record.first_output_at_s is None and kind is not ReasoningDelta:
                    record.first_output_at_s = at_s
            elif self._take_rare(event):
                self.is_over = True
                break
        if chunks:
            self.has_content = True
            record.content_at_s.append(at_s)
            record.chunks += chunks
            if chunks > 1:
                record.chunks_together += chunks

    def judge(self) -> None:
        """No more will come: set the outcome, and estimate the tokens if the server did not count them."""
        record = self._record
        if not self.is_over:
            self._fail("truncated", "the answer ended without its terminal event")
        if record.output_tokens is None and record.output_chars:
            record.output_tokens = -(-record.output_chars // _CHARS_PER_TOKEN)
            record.tokens_estimated = True

    def _take_rare(self, event: Event) -> bool:
        """Fold anything but content; True if it ends the answer."""
        record = self._record
        match event:
            case Started():
                record.response_id, record.model = event.id, event.model
            case Usage():
                for name in _COUNTS:
                    count = getattr(event, name)
                    if count is not None:
                        setattr(record, name, count)
            case Finished():
                record.finish_reason = event.reason
            case StreamFault():
                said = ", ".join(filter(None, (event.kind, event.code)))
                self._fail("stream_error", f"{event.message} ({said})" if said else event.message)
                return True
            case Malformed():
                self._fail("malformed", event.detail)
                return True
            case Done():
                self._judge_whole()
                return True
        return False

    def _judge_whole(self) -> None:
        record = self._record
        if not record.finish_reason:
            self._fail("truncated", "the answer ended without a finish reason: its upstream was cut")
        elif not record.output_chars:
            self._fail("empty", f"finish reason {record.finish_reason!r}, but no content")

    def _fail(self, outcome: str, detail: str) -> None:
        self._record.outcome = outcome
        self._record.detail = detail


_COUNTS: Final = tuple(Usage.__dataclass_fields__)  # the record's names are the event's
