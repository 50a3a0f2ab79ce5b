"""Looks a few values up in the bytes of an answer that was kept: a whole JSON body, or a stream's events.

Of a stream only the events are parsed that name the value's outermost key, from the last one back, because
what a gateway adds stands at a stream's end as a rule. So a stream of a thousand chunks costs a search in C
and a parsed event or two. The bound is for keys that stand in every chunk: a value that neither the last
events nor the first ones hold is not found.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from tokenswarm.wire.json_path import value_at

_LAST: Final = 32  # events that are looked at from the end …
_FIRST: Final = 8  # … and then from the beginning
_NEWLINES: Final = b"\r\n"


class KeptAnswer:
    """One answer; what was parsed for one value is there for the next."""

    __slots__ = ("_body", "_found", "_whole")

    def __init__(self, body: bytes | bytearray) -> None:
        self._body = bytes(body)
        self._found: dict[str, list[Any]] = {}
        self._whole: Any = None
        if self._body[:64].lstrip().startswith(b"{"):
            self._whole = _parsed(self._body)

    def value_at(self, steps: tuple[str | int, ...]) -> Any:
        """The last value at this place in any document of the answer, or None; null is none, too."""
        if self._whole is not None:
            return value_at(self._whole, steps)
        key = steps[0]
        if not isinstance(key, str):
            return None
        if key not in self._found:
            self._found[key] = self._events_with(orjson.dumps(key))
        for document in self._found[key]:
            value = value_at(document, steps)
            if value is not None:
                return value
        return None

    def _events_with(self, quoted: bytes) -> list[Any]:
        body = self._body
        documents: list[Any] = []
        end = len(body)
        while len(documents) < _LAST:
            at = body.rfind(quoted, 0, end)
            if at < 0:
                return documents
            start, stop = self._line_around(at)
            documents.append(self._event(start, stop))
            end = start
        first_at = 0
        for _ in range(_FIRST):
            at = body.find(quoted, first_at, end)
            if at < 0:
                break
            start, stop = self._line_around(at)
            documents.append(self._event(start, stop))
            first_at = stop
        return documents

    def _line_around(self, at: int) -> tuple[int, int]:
        """A JSON text of one line can't hold a raw line break: the line is the event's data."""
        body = self._body
        start = max(body.rfind(b"\n", 0, at), body.rfind(b"\r", 0, at)) + 1
        ends = [i for i in (body.find(b"\n", at), body.find(b"\r", at)) if i >= 0]
        return start, min(ends, default=len(body))

    def _event(self, start: int, stop: int) -> Any:
        line = self._body[start:stop]
        return _parsed(line[5:] if line.startswith(b"data:") else line)


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
