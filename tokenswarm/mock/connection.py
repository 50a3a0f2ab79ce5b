"""HTTP/1.1 for the hot path: bytes of one connection → requests, and answers → bytes.

uvicorn starts this class for each connection. Every POST is served here, without ASGI: uvicorn's own
request cycle (a task, an event, a scope and a dozen header checks a call) costs more than the rest of
the mock together. A GET that asks for a WebSocket is handed to socket_peer.py, anything else to uvicorn's
stock protocol, connection and all, and from there to the ASGI application of the side routes, which
closes the connection after its answer: so a connection is never shared by two of them.

    idle --POST--> reading --whole--> answering --last byte--> idle
    idle --other--> handed over
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, Protocol, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tokenswarm.mock.outlet import Outlet

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
_HOT: Final = b"POST "
_GET: Final = b"GET "
_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_PIPELINED: Final = 64
_BAD_REQUEST: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
    b"content-length: 12\r\nconnection: close\r\n\r\nBad request\n"
)


# A plain slots class: one is made for each call.
class Request:
    """One request, read whole; header names are in lower case."""

    __slots__ = ("body", "headers", "is_keep_alive", "is_too_large", "knows_chunked", "path", "received_s")

    def __init__(
        self,
        path: bytes,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        is_too_large: bool,
        knows_chunked: bool,
        is_keep_alive: bool,
    ) -> None:
        self.path = path
        self.headers = headers
        self.body = body  # empty if it was too large
        self.is_too_large = is_too_large
        self.knows_chunked = knows_chunked  # HTTP/1.0 doesn't
        self.is_keep_alive = is_keep_alive
        self.received_s = perf_counter()


class Front(Protocol):
    """Who answers: exactly one of respond, begin … finish, or cut on the connection, now or later."""

    def handle(self, connection: Connection, request: Request) -> None: ...


class SocketFront(Protocol):
    """Who takes connections that are to become WebSockets."""

    def is_asked_for(self, head: bytes) -> bool: ...

    def take(self, transport: asyncio.Transport, connections: set[Any], data: bytes) -> None: ...


class Connection(asyncio.Protocol):
    """One client connection. `on_lost(by_mock)` is called if it ends before the answer's last byte."""

    def __init__(
        self,
        front: Front,
        sockets: SocketFront,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.on_lost: Callable[[bool], None] | None = None
        self._front = front
        self._sockets = sockets
        self._stock = (config, server_state, app_state, _loop)
        self._connections: set[Any] = server_state.connections  # typed for uvicorn's own classes
        self._parser = httptools.HttpRequestParser(self)
        self._held = b""  # the first bytes of a request line, too few to tell whose they are
        self._is_reading = False
        self._answering: Request | None = None
        self._waiting: deque[Request] = deque()  # read whole, not yet answered; more than one when pipelined
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0

    @property
    def peer_host(self) -> str:
        """The client's address; empty if it has gone."""
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    @property
    def local_port(self) -> int | None:
        """The port that it came in by."""
        address = self._transport.get_extra_info("sockname")
        return int(address[1]) if address else None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's, so isinstance would not do.
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — asyncio's signature
        self._connections.discard(self)
        is_ours = self._outlet.is_closing
        self._outlet.is_closing = True
        self._waiting.clear()
        if self.on_lost is not None:
            self.on_lost(is_ours)
            self.on_lost = None

    def data_received(self, data: bytes) -> None:
        if not self._is_reading and self._answering is None:
            data = self._held + data
            if not data.startswith(_HOT):
                if _is_undecided(data):
                    self._held = data
                else:
                    self._hand_over(data)
                return
            self._held = b""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._answering is None:
                self._outlet.write(_BAD_REQUEST)
            self._close()
        # Answered here and not inside the parser's callback, which would take our own bugs for bad requests.
        self._answer_waiting()

    def shutdown(self) -> None:
        """uvicorn calls this when the server stops; what is in flight is cut."""
        self._close()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._is_reading = True
        self._url = b""
        self._headers = []
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and self._answering is None and value.lower() == b"100-continue":
            self._outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        # What is too much is read and dropped: closing at once would reset the connection under the 413.
        self._body_bytes += len(body)
        if self._body_bytes <= MAX_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._is_reading = False
        if self._parser.get_method() != b"POST" or len(self._waiting) == _MAX_PIPELINED:
            raise httptools.HttpParserError("only POSTs can be pipelined, and not without end")
        knows_chunked = self._parser.get_http_version() != "1.0"
        request = Request(
            self._url.partition(b"?")[0],
            self._headers,
            self._body[0] if len(self._body) == 1 else b"".join(self._body),
            self._body_bytes > MAX_BODY_BYTES,
            knows_chunked,
            knows_chunked and self._parser.should_keep_alive(),
        )
        self._waiting.append(request)

    # What the one who answers calls.

    def respond(self, head: bytes, body: bytes) -> None:
        """A whole answer; `head` is status line and headers without length, connection and the empty line."""
        self._outlet.write(
            b"%bcontent-length: %d\r\n%b\r\n%b" % (head, len(body), self._connection_header(), body)
        )
        self._completed()

    def begin(self, head: bytes, data: bytes) -> None:
        """The head and the first bytes of an answer in pieces."""
        assert self._answering is not None
        if self._answering.knows_chunked:
            head += b"transfer-encoding: chunked\r\n"
        self._outlet.write(b"%b%b\r\n%b" % (head, self._connection_header(), self._piece(data)))

    def send(self, data: bytes) -> None:
        """A further piece."""
        self._outlet.write(self._piece(data))

    def finish(self, data: bytes) -> None:
        """The last piece and the end of the answer."""
        assert self._answering is not None
        end = b"0\r\n\r\n" if self._answering.knows_chunked else b""
        self._outlet.write(self._piece(data) + end)
        self._completed()

    def cut(self, data: bytes = b"") -> None:
        """End the connection in mid-answer, after `data` as it stands; `on_lost(by_mock=True)` follows."""
        if data:
            self._outlet.write(data)
        self._close()

    def _answer_waiting(self) -> None:
        while self._waiting and self._answering is None and not self._outlet.is_closing:
            self._answering = self._waiting.popleft()
            self._front.handle(self, self._answering)

    def _completed(self) -> None:
        assert self._answering is not None
        is_keep_alive = self._answering.is_keep_alive
        self.on_lost = None
        self._answering = None
        if not is_keep_alive:
            self._close()
        elif self._waiting:
            # Not at once: it may be _answer_waiting that we return to.
            asyncio.get_running_loop().call_soon(self._answer_waiting)

    def _connection_header(self) -> bytes:
        assert self._answering is not None
        return b"" if self._answering.is_keep_alive else b"connection: close\r\n"

    def _piece(self, data: bytes) -> bytes:
        assert self._answering is not None
        if not data or not self._answering.knows_chunked:
            return data
        return b"%x\r\n%b\r\n" % (len(data), data)

    def _close(self) -> None:
        self._outlet.close()

    def _hand_over(self, data: bytes) -> None:
        config, server_state, app_state, loop = self._stock
        self._connections.discard(self)
        if data.startswith(_GET) and self._sockets.is_asked_for(data.partition(b"\r\n\r\n")[0]):
            self._sockets.take(self._transport, self._connections, data)
            return
        protocol = HttpToolsProtocol(config, server_state, app_state, loop)
        protocol.connection_made(self._transport)
        self._transport.set_protocol(protocol)
        protocol.data_received(data)


def _is_undecided(data: bytes) -> bool:
    """Whether it can't be told yet whose a request is: of a GET the whole head must be there."""
    if _HOT.startswith(data) or _GET.startswith(data):
        return True
    return data.startswith(_GET) and b"\r\n\r\n" not in data and len(data) < _MAX_HEAD_BYTES
