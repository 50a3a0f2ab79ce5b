"""What a dialect that is spoken over a WebSocket offers.

A call is one message of ours and all that the server sends up to its terminal event. Messages come whole,
so nothing here puts pieces together; the connection stays open and keeps a session from call to call.
"""

from __future__ import annotations

from typing import Protocol

from tokenswarm.wire.contract import ChatOptions, ErrorBody, Request
from tokenswarm.wire.events import Event


class SocketSession(Protocol):
    """One connection, as its messages tell of it. Does no I/O and keeps no clock."""

    @property
    def is_ready(self) -> bool:
        """The server has said what it says before the first call; at once, if it says nothing."""

    def begin(self) -> None:
        """The next call starts: what is still to come of an earlier one is not its answer."""

    def feed(self, message: bytes) -> list[Event]:
        """The events of one text message."""


class SocketDialect(Protocol):
    """How one API is spoken over a WebSocket. Stateless; one instance serves all users."""

    name: str

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """`body` is the call's message, `path` where the socket is opened, `headers` those of the upgrade."""

    def session(self) -> SocketSession:
        """A new connection's state."""

    def read_error(self, body: bytes) -> ErrorBody:
        """What the body of a refused upgrade says; never raises, whatever the bytes."""
