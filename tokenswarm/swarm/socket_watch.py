"""Counts the WebSockets of one process: how many are open, and which the server ended."""

from __future__ import annotations

from collections.abc import Callable

from tokenswarm.transport.frames import Close


class SocketWatch:
    """A transport.websocket.Watch; `count_drop` gets the close, and whether a call was under way."""

    def __init__(self, count_drop: Callable[[Close, bool], None]) -> None:
        self._count_drop = count_drop
        self.open = 0

    def opened(self) -> None:
        """A connection is ready for its first call."""
        self.open += 1

    def closed(self) -> None:
        """It is no more, whoever ended it."""
        self.open -= 1

    def dropped(self, close: Close, *, in_call: bool) -> None:
        """The server ended it."""
        self._count_drop(close, in_call)
