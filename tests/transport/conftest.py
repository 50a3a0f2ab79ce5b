"""Real servers that send chosen bytes, and a dialect of one event a line: no test needs a real API."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import ChatOptions, ErrorBody, Request
from tokenswarm.wire.events import (
    Done,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    Started,
    StreamFault,
    TextDelta,
    ToolDelta,
    Usage,
)

PATIENCE_S = 20.0  # no test waits this long; it only keeps a broken one from hanging
REQUEST = Request("/v1/lines", b"say something")

_EVENTS: dict[str, Callable[[str], Event]] = {
    "started": lambda rest: Started(rest, "model-1"),
    "text": TextDelta,
    "think": ReasoningDelta,
    "tool": ToolDelta,
    "usage": lambda rest: Usage(input_tokens=3, output_tokens=int(rest), cost=0.5),
    "finish": Finished,
    "fault": lambda rest: StreamFault(rest, "overloaded", "529"),
    "done": lambda _rest: Done(),
}


class LineDecoder:
    """`kind:rest` lines → events; with a content type of text/html everything is Malformed."""

    def __init__(self, content_type: str, seen: threading.Event) -> None:
        self._seen = seen
        self._is_html = content_type.startswith("text/html")
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        if self._is_html:
            return [Malformed("an HTML page")]
        *lines, self._rest = (self._rest + data).split(b"\n")
        events: list[Event] = []
        for line in lines:
            kind, _, rest = line.decode().partition(":")
            if kind:
                events.append(_EVENTS[kind](rest))
        if events:
            self._seen.set()
        return events

    def close(self) -> list[Event]:
        return self.feed(b"\n")


class LineDialect:
    """The Dialect protocol, at its smallest. `seen` is set once an event has been decoded."""

    name = "lines"

    def __init__(self, seen: threading.Event | None = None) -> None:
        self._seen = seen or threading.Event()

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        del options
        return Request(path or "/v1/lines", prompt.encode())

    def decoder(self, content_type: str) -> LineDecoder:
        return LineDecoder(content_type, self._seen)

    def read_error(self, body: bytes) -> ErrorBody:
        message, _, kind = body.decode("utf-8", "replace").partition("|")
        return ErrorBody(message, kind)


class Peer:
    """The server's side of one connection."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock

    def request(self) -> bytes:
        """One whole request; b"" if the client has closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self.sock.recv(65536)
        return head + b"\r\n\r\n" + body

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def until_client_closes(self) -> bytes:
        """What the client still sends before it closes: how a server here waits, without a clock."""
        rest = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while more := self.sock.recv(65536):
                rest += more
        return rest

    def reset(self) -> None:
        """Close with a TCP RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Peer], None]


class Server:
    """Runs one script for each connection, in their order, in one thread."""

    def __init__(
        self, scripts: tuple[Script, ...], tls: ssl.SSLContext | None, family: socket.AddressFamily
    ) -> None:
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._listener = socket.create_server((host, 0), family=family)
        self._listener.settimeout(PATIENCE_S)
        self._scripts = scripts
        self._tls = tls
        self.connections = 0
        self.port: int = self._listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}"
        self.problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for script in self._scripts:
                sock, _ = self._listener.accept()
                self.connections += 1
                sock.settimeout(PATIENCE_S)
                self._serve(sock, script)
        except BaseException as error:
            self.problem = error
        finally:
            self._listener.close()

    def _serve(self, sock: socket.socket, script: Script) -> None:
        if self._tls is None:
            with sock:
                script(Peer(sock))
            return
        try:
            wrapped = self._tls.wrap_socket(sock, server_side=True)
        except (ssl.SSLError, ConnectionError):
            sock.close()  # the client refused us, as some tests want
            return
        with wrapped:
            script(Peer(wrapped))

    def finish(self) -> None:
        """Wait for the scripts to end and raise what went wrong in them."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the server still waits for something that the client never did"
        if self.problem is not None:
            raise self.problem


Serve = Callable[..., Server]
Connect = Callable[..., HttpConnection]
Ask = Callable[..., CallRecord]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(script, script, tls=None)`: a server whose nth connection runs the nth script."""
    running: list[Server] = []

    def start(
        *scripts: Script, tls: ssl.SSLContext | None = None, family: socket.AddressFamily = socket.AF_INET
    ) -> Server:
        running.append(Server(scripts, tls, family))
        return running[-1]

    yield start
    for server in running:
        server.finish()


@pytest.fixture
def connect(serve: Serve) -> Iterator[Connect]:
    """`connect(url, drain_s=…, **arguments of Endpoint.build)`: closed before the servers are awaited."""
    del serve
    opened: list[HttpConnection] = []

    def make(url: str, drain_s: float = PATIENCE_S, **arguments: Any) -> HttpConnection:
        arguments.setdefault("timeouts", Timeouts(PATIENCE_S, PATIENCE_S, PATIENCE_S, PATIENCE_S))
        opened.append(HttpConnection(Endpoint.build(url, **arguments), drain_s=drain_s))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def ask() -> Ask:
    """`ask(connection, stream=True)`: one call; sets `seen`, for the server, when events were decoded."""

    def ask(
        connection: HttpConnection,
        *,
        stream: bool = True,
        request: Request = REQUEST,
        seen: threading.Event | None = None,
    ) -> CallRecord:
        record = CallRecord(connection.clock())
        record.stream = stream
        return call(connection, LineDialect(seen), request, record)

    return ask


@pytest.fixture
def dialect() -> LineDialect:
    """One event a line."""
    return LineDialect()
