"""Server-sent events that say their type twice, in their name and in their data, as ordered."""

from __future__ import annotations

from tokenswarm.mock.orders import Orders


class NamedEvents:
    """Frames and counts the events of one stream."""

    __slots__ = ("_before", "_between", "_end", "count")

    def __init__(self, orders: Orders) -> None:
        line = b"\r\n" if orders.crlf else b"\n"
        self.count = 0  # comments not counted
        self._before = (b": mock processing" + line * 2 if orders.comment else b"") + b"event: "
        self._between = line + b"data: "
        self._end = line * 2

    def framed(self, name: bytes, data: bytes) -> bytes:
        """One event; `data` is the JSON that it carries."""
        self.count += 1
        return b"%b%b%b%b%b" % (self._before, name, self._between, data, self._end)


def garbled(data: bytes) -> bytes:
    """JSON that breaks off."""
    return data[: len(data) // 2]


def is_garbled(orders: Orders, index: int, chunks: int) -> bool:
    """Whether this content chunk is the one that `garble` breaks: the second, or else the only one."""
    return orders.garble and index == min(1, chunks - 1)
