"""Looks a few values up in the bytes of an answer that was kept: a whole JSON body, or a stream's events.

Of a stream only events are parsed that name the value's outermost key, from the last one back until the value
is found, because what a gateway adds stands at a stream's end as a rule. So a stream of a thousand chunks
costs a search in C and a parsed event or two. The bounds are for keys that stand in every chunk: a value that
neither the last events nor the first ones hold is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from tokenswarm.wire.json_path import value_at

_LAST: Final = 8  # events that are looked at from the end …
_FIRST: Final = 4  # … and then from the beginning
_NOT_PARSED: Final = object()


class KeptAnswer:
    """One answer; what was parsed for one value is there for the next."""

    __slots__ = ("_body", "_events", "_whole")

    def __init__(self, body: bytes | bytearray) -> None:
        self._body = bytes(body)
        self._events: dict[str, _Events] = {}
        self._whole: Any = _NOT_PARSED

    def value_at(self, steps: tuple[str | int, ...]) -> Any:
        """The last value at this place in any document of the answer, or None; null is none, too."""
        if self._whole is _NOT_PARSED:
            self._whole = _parsed(self._body) if self._body[:64].lstrip().startswith(b"{") else None
        if self._whole is not None:
            return value_at(self._whole, steps)
        key = steps[0]
        if not isinstance(key, str):
            return None
        events = self._events.get(key)
        if events is None:
            events = self._events[key] = _Events(self._body, key)
        return next((value for one in events.each() if (value := value_at(one, steps)) is not None), None)


class _Events:
    """The events of a stream that name a key, parsed when they are asked for."""

    __slots__ = ("_body", "_left", "_parsed", "_quoted")

    def __init__(self, body: bytes, key: str) -> None:
        self._body = body
        self._quoted = orjson.dumps(key)
        self._parsed: list[Any] = []
        self._left = self._search()

    def each(self) -> Iterator[Any]:
        """The last ones backwards, then the first ones."""
        yield from self._parsed
        for document in self._left:
            self._parsed.append(document)
            yield document

    def _search(self) -> Iterator[Any]:
        body, quoted = self._body, self._quoted
        end = len(body)
        for _ in range(_LAST):
            at = body.rfind(quoted, 0, end)
            if at < 0:
                return
            end, stop = self._line_around(at)
            yield self._event(end, stop)
        begin = 0
        for _ in range(_FIRST):
            at = body.find(quoted, begin, end)
            if at < 0:
                return
            start, begin = self._line_around(at)
            yield self._event(start, begin)

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
