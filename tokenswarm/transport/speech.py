"""How to talk to a target: its dialect, and the kind of connection that the dialect is spoken over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tokenswarm.metrics.call import CallRecord
from tokenswarm.profile.target import Target
from tokenswarm.transport.call import ask, call
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.http import HttpConnection
from tokenswarm.transport.websocket import SocketConnection, Watch
from tokenswarm.wire.dialect import DIALECTS, ChatOptions, Dialect, Request
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

Encode = Callable[[str, ChatOptions, str | None], Request]


class Caller(Protocol):
    """One user's connection, opened when first used."""

    def call(self, request: Request, record: CallRecord) -> CallRecord:
        """Make the call, fill the record and return it; see transport/call.py for what may raise."""

    def ask(self, request: Request, record: CallRecord) -> CallRecord:
        """The same, but that a whole answer may be left unread (transport/unread.py)."""

    def close(self) -> None:
        """Close whatever is open; the next call opens anew."""


@dataclass(frozen=True, slots=True)
class Speech:
    """One target's. `connect` gives each user a connection of its own."""

    encode: Encode
    connect: Callable[[], Caller]
    is_socket: bool  # and so every answer is a stream


class _HttpCaller:
    __slots__ = ("ask", "call", "close")

    def __init__(self, endpoint: Endpoint, dialect: Dialect) -> None:
        connection = HttpConnection(endpoint)
        self.call = partial(call, connection, dialect)
        self.ask = partial(ask, connection, dialect)
        self.close = connection.close


class _SocketCaller:
    """A WebSocket for each place where one is opened: with Realtime a connection has one model for good."""

    __slots__ = ("_connect", "_connections")

    def __init__(self, connect: Callable[[], SocketConnection]) -> None:
        self._connect = connect
        self._connections: dict[str, SocketConnection] = {}

    def call(self, request: Request, record: CallRecord) -> CallRecord:
        connection = self._connections.get(request.path)
        if connection is None:
            connection = self._connections[request.path] = self._connect()
        return connection.call(request, record)

    ask = call  # all are streams

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def speech_of(target: Target, endpoint: Endpoint, watch: Watch | None = None) -> Speech:
    """How to talk to this target, at its endpoint; `watch` counts WebSockets."""
    make_dialect = SOCKET_DIALECTS.get(target.dialect)
    if make_dialect is None:
        dialect = DIALECTS[target.dialect]
        return Speech(dialect.encode, lambda: _HttpCaller(endpoint, dialect), is_socket=False)
    socket_dialect = make_dialect(target.websocket.messages())
    ping_s = target.websocket.ping_s
    return Speech(
        socket_dialect.encode,
        lambda: _SocketCaller(lambda: SocketConnection(endpoint, socket_dialect, watch, ping_s=ping_s)),
        is_socket=True,
    )
