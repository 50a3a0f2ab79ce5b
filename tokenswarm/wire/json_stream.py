"""A stream of JSON documents → events: all that dialects have in common, for any of them to build on.

data: {…}                            a document, which the dialect's reader understands
event: error  data: text             a fault
data:                                a keep-alive
data: [DONE]                         some dialects' end, and a habit of gateways in the others
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import orjson

from tokenswarm.wire.error_body import text_of
from tokenswarm.wire.events import Event, Malformed, StreamFault
from tokenswarm.wire.frame_shape import FrameShape, shape_of
from tokenswarm.wire.json_object import WRONG_SHAPE, JsonObject
from tokenswarm.wire.outline import outline
from tokenswarm.wire.sse import SseDecoder, SseEvent
from tokenswarm.wire.whole_body import WholeBodyDecoder

_END_MARKER: Final = b"[DONE]"
# A shape is learned anew when frames change. Where each frame has one of its own, trying costs more than it
# gains: after so many that were of use for less than a few frames, no more.
_LESSONS: Final = 4
_WORTH_IT: Final = 4
_LONGEST_SHAPED: Final = 2**20  # far below what is too large for an event


def is_event_stream(content_type: str) -> bool:
    """Whether a response is a stream; letter case, spaces and parameters don't matter."""
    if content_type == "application/json":  # the other common one, as most servers write it
        return False
    return content_type.strip().lower().startswith("text/event-stream")


class DocumentReader(Protocol):
    """What one dialect makes of the documents of one stream; says nothing more once `is_ended`.

    A document of nothing but content leaves the reader as it was when it is read for a second time.
    """

    noun: str  # what a document is, for complaints
    is_ended: bool

    def read(self, name: bytes, document: JsonObject) -> list[Event]:
        """Events of one document under the event's name; raises one of WRONG_SHAPE if it is no such."""

    def end(self, *, marked: bool) -> list[Event]:
        """Events of the end: `[DONE]` came if it is `marked`, else the body is over."""


class JsonStreamDecoder:
    """Decodes one stream; `read_whole` is for a body that turns out to be no stream."""

    __slots__ = (
        "_body",
        "_has_begun",
        "_hits",
        "_is_between",
        "_is_closing",
        "_lessons",
        "_read_whole",
        "_reader",
        "_shape",
        "_sse",
    )

    def __init__(self, reader: DocumentReader, read_whole: Callable[[JsonObject], list[Event]]) -> None:
        self._reader = reader
        self._read_whole = read_whole
        self._sse = SseDecoder()
        self._body: WholeBodyDecoder | None = None  # set when what came is no stream after all
        self._has_begun = False
        self._is_closing = False
        self._is_between = False  # what comes next begins a frame
        self._shape: FrameShape | None = None
        self._hits = 0  # reads that were of this shape
        self._lessons = _LESSONS

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these body bytes."""
        if self._shape is not None and self._is_between and len(data) < _LONGEST_SHAPED:
            events = self._shape.read(data)
            if events is not None:
                self._hits += 1
                return events
        if not self._has_begun:
            self._begin(data)
        if self._body is not None:
            return self._body.feed(data)
        was_between = self._is_between
        sent = self._sse.feed(data)
        events = self._read(sent)
        self._is_between = self._sse.is_between and not self._reader.is_ended
        if was_between and self._is_between and len(sent) == 1:
            self._learn(data, sent[0], events)
        return events

    def close(self) -> list[Event]:
        """The last event if its blank line was missing, and what the reader says of the end."""
        if self._body is not None:
            return self._body.close()
        self._is_closing = True
        events = self._read(self._sse.close())
        if not self._reader.is_ended:
            events += self._reader.end(marked=False)
            self._reader.is_ended = True
        return events

    def _learn(self, frame: bytes, sent: SseEvent, events: list[Event]) -> None:
        if self._hits >= _WORTH_IT:
            self._lessons = _LESSONS
        if self._lessons:
            self._lessons -= 1
            self._hits = 0
            self._shape = shape_of(frame, *sent, events, self._reader.read)

    def _begin(self, data: bytes) -> None:
        # No event stream opens with these: it is an error that was sent under the stream's content type.
        opening = data.lstrip()
        if opening:
            self._has_begun = True
            if opening.startswith((b"{", b"<")):
                self._body = WholeBodyDecoder(self._read_whole)

    def _read(self, sent: list[SseEvent]) -> list[Event]:
        events: list[Event] = []
        reader = self._reader
        for name, data in sent:
            if reader.is_ended:
                return events
            try:
                document = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                events += self._read_marker(name, data, error)
                continue
            try:
                events += reader.read(name, document)
            except WRONG_SHAPE:
                events.append(Malformed(f"not {reader.noun}: {outline(document)}"))
        if self._sse.is_overflowed and not reader.is_ended:
            reader.is_ended = True
            events.append(Malformed("an event that is too large, or a line that never ends"))
        return events

    def _read_marker(self, name: bytes, data: bytes, error: orjson.JSONDecodeError) -> list[Event]:
        marker = data.strip()
        if marker == _END_MARKER:
            return self._reader.end(marked=True)
        if name == b"error":
            return [StreamFault(text_of(data))]
        if not marker or self._is_closing:
            return []  # a keep-alive; or the half of an event that a cut left: the missing end tells of it
        return [Malformed(f"broken JSON in the stream: {error.msg}")]
