"""A stream of chat completion chunks → events.

    data: {"id", "model", "choices": [{"index", "delta", "finish_reason"}]}    any number
    data: {… "choices": [], "usage": {…}}                                      if asked for, and not cut
    data: {"error": {…}}                                                       instead of the rest
    data: [DONE]

The stream has finished when every choice that was seen has given its reason. Finished carries the
first of them and comes with the stream's end, because a choice may still begin after another's last
word, and because a cut answer's [DONE] must not pass for a finish.
"""

from __future__ import annotations

import orjson

from tokenswarm.wire.error_body import text_of
from tokenswarm.wire.events import Done, Event, Malformed, StreamFault
from tokenswarm.wire.openai_answer import (
    WRONG_SHAPE,
    fault,
    finished,
    read_choices,
    read_completion,
    started,
    usage,
)
from tokenswarm.wire.outline import outline
from tokenswarm.wire.sse import SseDecoder, SseEvent
from tokenswarm.wire.whole_body import JsonObject, WholeBodyDecoder


class OpenAIStreamDecoder:
    """Decodes one stream; says nothing more once it has ended."""

    __slots__ = (
        "_body",
        "_foreign",
        "_has_begun",
        "_is_closing",
        "_is_ended",
        "_is_started",
        "_reasons",
        "_sse",
    )

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._body: WholeBodyDecoder | None = None  # set when what came is no stream after all
        self._has_begun = False
        self._is_started = False
        self._is_closing = False
        self._is_ended = False
        self._reasons: dict[int, str] = {}  # why each choice stopped; empty until it has
        self._foreign = ""  # the outline of the first event that is no chunk

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these body bytes."""
        if not self._has_begun:
            self._begin(data)
        if self._body is not None:
            return self._body.feed(data)
        return self._read(self._sse.feed(data))

    def close(self) -> list[Event]:
        """The last event if its blank line was missing, and Finished if no [DONE] brought it."""
        if self._body is not None:
            return self._body.close()
        self._is_closing = True
        events = self._read(self._sse.close())
        if not self._is_ended:
            events += self._end()
        return events

    def _begin(self, data: bytes) -> None:
        # No event stream opens with these: it is an error that was sent under the stream's content type.
        opening = data.lstrip()
        if opening:
            self._has_begun = True
            if opening.startswith((b"{", b"<")):
                self._body = WholeBodyDecoder(read_completion)

    def _read(self, sent: list[SseEvent]) -> list[Event]:
        events: list[Event] = []
        for name, data in sent:
            if self._is_ended:
                return events
            try:
                chunk = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                events += self._read_marker(name, data, error)
                continue
            try:
                events += self._read_chunk(name, chunk)
            except WRONG_SHAPE:
                events.append(Malformed(f"not a chat completion chunk: {outline(chunk)}"))
        if self._sse.is_overflowed and not self._is_ended:
            self._is_ended = True
            events.append(Malformed("an event that is too large, or a line that never ends"))
        return events

    def _read_marker(self, name: bytes, data: bytes, error: orjson.JSONDecodeError) -> list[Event]:
        marker = data.strip()
        if marker == b"[DONE]":
            return [*self._end(), Done()]
        if name == b"error":
            return [StreamFault(text_of(data))]
        if not marker or self._is_closing:
            return []  # a keep-alive; or the half of an event that a cut left: the missing end tells of it
        return [Malformed(f"broken JSON in the stream: {error.msg}")]

    def _read_chunk(self, name: bytes, chunk: JsonObject) -> list[Event]:
        if chunk.get("error") or name == b"error":
            return [fault(chunk)]
        events = [] if self._is_started else started(chunk)
        is_started = self._is_started or bool(events)
        choices = chunk.get("choices")
        if choices:
            read_choices(choices, "delta", self._reasons, events)
        if "usage" in chunk:
            events += usage(chunk)
        elif choices is None:
            self._foreign = self._foreign or outline(chunk)
        self._is_started = is_started  # set last: a chunk of a wrong shape reports nothing
        return events

    def _end(self) -> list[Event]:
        self._is_ended = True
        if not self._reasons and self._foreign:
            # A stray event of a gateway's own does no harm; a stream of nothing else is another dialect.
            return [Malformed(f"no chat completion chunk in the stream, but {self._foreign}")]
        return finished(self._reasons)
