"""One client's WebSocket: wsproto reads it, the gateway's dialects answer, the timers pace.

asking ──accepted──► idle ──a call──► answering ──last message──► idle
   └──refused──► closed      any ──close, cut, lost──► closed
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qs, unquote_to_bytes

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Ping, Pong
from wsproto.events import Request as Asked
from wsproto.utilities import RemoteProtocolError

from tokenswarm.mock.connection import Connection, Request
from tokenswarm.mock.dialect import MockDialect
from tokenswarm.mock.gateway import Gateway
from tokenswarm.mock.orders import Orders
from tokenswarm.mock.outlet import Outlet
from tokenswarm.mock.realtime import RealtimeChat
from tokenswarm.mock.refusal import Refusal
from tokenswarm.mock.socket_chat import SocketChat
from tokenswarm.mock.socket_frames import close_frame, ping_frame, text_frame
from tokenswarm.mock.socket_tally import SocketTally
from tokenswarm.mock.timers import Timer, Timers

_KEY_IN_PATH: Final = re.compile(rb"/ak/([^/]+)(/.+)")
_ORDER_PREFIX: Final = b"x-mock-"
_REASON: Final = "as ordered"


class Chat(MockDialect, Protocol):
    """A dialect that is spoken over a WebSocket; one instance a connection."""

    model: str  # whose orders are the connection's own

    def greeting(self) -> list[bytes]:
        """The messages that come before anything is asked."""

    def reply(self, message: bytes) -> list[bytes] | None:
        """What is said to a message that is no call; None for one that is."""


def _realtime(asked: Asked, query: bytes) -> Chat:
    model = parse_qs(query.decode("latin-1")).get("model", [""])[0]
    headers = dict(asked.extra_headers)
    return RealtimeChat(model, is_beta=headers.get(b"openai-beta") == b"realtime=v1")


# Behind /ak/KEY as well.
_ROUTES: Final[dict[bytes, Callable[[Asked, bytes], Chat]]] = {
    b"/v1/realtime": _realtime,
    b"/ws": lambda _asked, _query: SocketChat(),
}


class Sockets:
    """Takes connections whose first request asks for a WebSocket."""

    def __init__(self, gateway: Gateway, timers: Timers, tally: SocketTally) -> None:
        self.gateway = gateway
        self.timers = timers
        self.tally = tally

    @staticmethod
    def is_asked_for(head: bytes) -> bool:
        """Whether a whole request head asks for one."""
        return b"upgrade: websocket" in head.lower()

    def take(self, transport: asyncio.Transport, connections: set[Any], data: bytes) -> None:
        """From now on the connection is a SocketPeer's; `data` is all that came on it."""
        peer = SocketPeer(self, transport, connections)
        transport.set_protocol(peer)
        peer.data_received(data)


class SocketPeer(asyncio.Protocol):
    """One connection. To the gateway it is as good as an HTTP one."""

    def __init__(self, sockets: Sockets, transport: asyncio.Transport, connections: set[Any]) -> None:
        self.on_lost: Callable[[bool], None] | None = None
        self._sockets = sockets
        self._gateway = sockets.gateway
        self._outlet = Outlet(transport)
        self._connections = connections
        self._connections.add(self)
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._chat: Chat = SocketChat()
        self._request = Request(b"", [], b"", False, True, True)
        self._key = b""
        self._orders: Orders | None = None  # of the call, and before the first one of the connection
        self._is_open = False
        self._is_answering = False
        self._waiting: deque[bytes] = deque()
        self._message = bytearray()
        self._timers: dict[str, Timer] = {}
        self._is_ping_answered = True

    # What the event loop and uvicorn call.

    def data_received(self, data: bytes) -> None:
        try:
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._take(event)
        except RemoteProtocolError:
            self._end(1002)
        self._answer_waiting()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — asyncio's signature
        self._connections.discard(self)
        is_ours = self._outlet.is_closing
        self._outlet.is_closing = True
        self._waiting.clear()
        for timer in self._timers.values():
            timer.cancel()
        if self._is_open:
            self._is_open = False
            self._sockets.tally.open -= 1
        if self.on_lost is not None:
            self.on_lost(is_ours)
            self.on_lost = None

    def shutdown(self) -> None:
        """uvicorn calls this when the server stops; what is in flight is cut."""
        self._end(1001)

    # What the gateway calls.

    def respond(self, head: bytes, body: bytes) -> None:
        """A whole answer: a message, or before the upgrade an HTTP answer that refuses it."""
        if self._is_open:
            self._outlet.write(text_frame(body))
            self._completed()
            return
        self._outlet.write(b"%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (head, len(body), body))
        self.on_lost = None
        self._outlet.close()

    def begin(self, head: bytes, data: bytes) -> None:
        """The first messages of an answer; messages have no head."""
        del head
        if data:
            self._outlet.write(data)

    def send(self, data: bytes) -> None:
        """Further messages."""
        self._outlet.write(data)

    def finish(self, data: bytes) -> None:
        """The last messages of the answer."""
        if data:
            self._outlet.write(data)
        self._completed()

    def cut(self, data: bytes = b"") -> None:
        """End the connection in mid-answer; `on_lost(by_mock=True)` follows."""
        if data:
            self._outlet.write(data)
        self._end(None if self._orders is None else self._orders.close_code)

    def _take(self, event: object) -> None:
        if isinstance(event, Asked):
            self._open(event)
        elif isinstance(event, Message):
            data = event.data
            self._message += data.encode() if isinstance(data, str) else data
            if event.message_finished:
                self._waiting.append(bytes(self._message))
                self._message.clear()
        elif isinstance(event, Ping):
            self._outlet.write(self._protocol.send(event.response()))
        elif isinstance(event, Pong):
            self._is_ping_answered = True
        elif isinstance(event, CloseConnection):
            # Not ours: a call that is under way was cut by the client.
            self._outlet.write(self._protocol.send(event.response()))
            self.connection_lost(None)
            self._outlet.close()

    def _open(self, asked: Asked) -> None:
        path, _, query = asked.target.encode("latin-1").partition(b"?")
        headers = list(asked.extra_headers)
        found = _KEY_IN_PATH.fullmatch(path)
        if found is not None:
            self._key, path = unquote_to_bytes(found[1]), found[2]
        self._request = Request(path, headers, b"", False, True, True)
        route = _ROUTES.get(path)
        if route is None:
            self._gateway.handle(cast("Connection", self), self._request)
            return
        self._chat = route(asked, query)
        orders = self._orders_of(self._chat.model)
        if isinstance(orders, Refusal) or self._gateway.allows(headers, self._key) is not None:
            # Refused before the upgrade, as an HTTP answer that counts as a call's.
            self._gateway.serve(cast("Connection", self), self._request, self._chat, self._key)
            return
        self._orders = orders
        self._outlet.write(self._protocol.send(AcceptConnection()))
        self._is_open = True
        self._sockets.tally.opened += 1
        self._sockets.tally.open += 1
        for message in self._chat.greeting():
            self._outlet.write(text_frame(message))
        if orders.ping:
            self._later("ping", orders.ping, self._ping)

    def _answer_waiting(self) -> None:
        while self._waiting and not self._is_answering and self._is_open and not self._outlet.is_closing:
            message = self._waiting.popleft()
            replies = self._chat.reply(message)
            if replies is not None:
                self._outlet.write(b"".join(map(text_frame, replies)))
                continue
            self._is_answering = True
            request = Request(self._request.path, self._request.headers, message, False, True, True)
            ask = self._chat.read(request)
            if not isinstance(ask, Refusal):
                orders = self._orders_of(ask.model)
                self._orders = orders if isinstance(orders, Orders) else self._orders
            self._gateway.serve(cast("Connection", self), request, self._chat, self._key)

    def _completed(self) -> None:
        self.on_lost = None
        self._is_answering = False
        orders = self._orders
        if orders is not None and orders.hang_up is not None:
            self._later("hang_up", orders.hang_up, lambda: self._end(orders.close_code))
        elif self._waiting:
            asyncio.get_running_loop().call_soon(self._answer_waiting)

    def _orders_of(self, model: str) -> Orders | Refusal:
        ordered = [header for header in self._request.headers if header[0].startswith(_ORDER_PREFIX)]
        return self._gateway.orders_of(self._chat, model, tuple(ordered))

    def _ping(self) -> None:
        assert self._orders is not None
        if not self._is_ping_answered:
            self._end(None)
            return
        self._is_ping_answered = False
        self._outlet.write(ping_frame())
        self._later("ping", self._orders.ping, self._ping)

    def _later(self, purpose: str, after_ms: float, callback: Callable[[], None]) -> None:
        self._timers[purpose] = self._sockets.timers.at(perf_counter() + after_ms / 1000, callback)

    def _end(self, code: int | None) -> None:
        """With a close frame, or without one: what the client will call 1006."""
        if code is not None and self._is_open:
            self._outlet.write(close_frame(code, _REASON))
        self._outlet.close()
