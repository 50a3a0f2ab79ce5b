"""Bytes of a `text/event-stream` → its events, whatever the splits.

Obeys the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream":

    line     ends with CR, LF or CRLF
    blank    dispatches the event, if it has at least one data line
    `:` …    a comment
    `data`   adds a line to the event; `event` names it; `id`, `retry` and unknown fields are ignored

with two differences. At the end of the body an event that lacks its blank line is dispatched, since
some gateways omit it. And an event has a largest size, so that no server can fill our memory.
"""

from __future__ import annotations

from typing import Final

MAX_EVENT_BYTES: Final = (
    4 * 2**20
)  # a generated image rides in one event, base64-coded; text never comes near

SseEvent = tuple[bytes, bytes]  # its name (empty as a rule) and its data

_BOM: Final = b"\xef\xbb\xbf"


class SseDecoder:
    """Decodes one stream. `is_overflowed` says that an event was too large; nothing is decoded after it."""

    __slots__ = (
        "_data",
        "_ended_in_cr",
        "_event_bytes",
        "_has_begun",
        "_max_event_bytes",
        "_name",
        "_tail",
        "_tail_bytes",
        "is_overflowed",
    )

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.is_overflowed = False
        self._max_event_bytes = max_event_bytes
        self._has_begun = False  # a first line has been read
        self._ended_in_cr = False
        self._tail: list[bytes] = []  # the unfinished last line, as it came: joined once, not at every read
        self._tail_bytes = 0
        self._name = b""
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._event_bytes = 0

    @property
    def is_between(self) -> bool:
        """No event is under way: the next byte begins one, and in its first line."""
        return (
            self._has_begun
            and not (self._tail or self._data or self._name)
            and not (self._ended_in_cr or self.is_overflowed)
        )

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Events that these bytes complete."""
        if self._ended_in_cr or b"\r" in chunk:
            chunk = self._with_lf_only(chunk)
        if self.is_overflowed:
            return []
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        if self._tail:
            self._tail.append(chunk)
            chunk = b"".join(self._tail)
            self._tail.clear()
            self._tail_bytes = 0
        lines = chunk.split(b"\n")
        tail = lines.pop()
        if not self._has_begun:
            self._has_begun = True
            if lines[0].startswith(_BOM):
                lines[0] = lines[0].removeprefix(_BOM)
                self._event_bytes = len(_BOM)  # counted, as it was while the line was unfinished
        events = self._read(lines)
        if tail:
            self._keep(tail)
        return events

    def close(self) -> list[SseEvent]:
        """The event that lacked its line end or its blank line, if there is one."""
        return self.feed(b"\n\n")

    def _read(self, lines: list[bytes]) -> list[SseEvent]:
        events: list[SseEvent] = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append((self._name, b"\n".join(data)))
                    data.clear()
                    self._event_bytes = 0
                self._name = b""
                continue
            if self._event_bytes + len(line) > self._max_event_bytes:
                self._overflow()
                break
            if line.startswith(b"data: "):
                data.append(line[6:])
            elif line.startswith(b"data:"):
                data.append(line[5:])
            elif line == b"data":
                data.append(b"")
            else:
                if line.startswith(b"event:"):
                    self._name = line[6:].removeprefix(b" ")
                elif line == b"event":
                    self._name = b""
                continue  # and only data lines add to the event's size: the others aren't kept
            self._event_bytes += len(line) + 1
        return events

    def _with_lf_only(self, chunk: bytes) -> bytes:
        # A CR ends its line at once; an LF that follows it, now or in the next read, is half of a CRLF.
        if chunk and self._ended_in_cr:
            self._ended_in_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk:
            self._ended_in_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, tail: bytes) -> None:
        self._tail.append(tail)
        self._tail_bytes += len(tail)
        if self._event_bytes + self._tail_bytes > self._max_event_bytes:
            self._overflow()

    def _overflow(self) -> None:
        self.is_overflowed = True
        self._tail.clear()
        self._data.clear()
