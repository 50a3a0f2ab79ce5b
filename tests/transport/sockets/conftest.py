"""The server's side of a WebSocket, as bytes: what a test wants to be said is sent as it stands."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.transport.frames import Close
from tokenswarm.transport.websocket import SocketConnection
from tokenswarm.wire.contract import ChatOptions
from tokenswarm.wire.custom_ws import CustomSocket, Match, Messages

TYPE = ("type",)
# {"say": prompt} → {"type": "token", "text": …} … {"type": "done"} or {"type": "error", "message": …}
CHAT = CustomSocket(
    Messages(
        send={"say": "{prompt}"},
        delta=Match(TYPE, equals="token", text=("text",)),
        done=Match(TYPE, equals="done"),
        error=Match(TYPE, equals="error", text=("message",)),
    )
)
GREETING_CHAT = CustomSocket(
    Messages(
        send={"say": "{prompt}"},
        delta=Match(TYPE, equals="token", text=("text",)),
        done=Match(TYPE, equals="done"),
        error=Match(TYPE, equals="error", text=("message",)),
        ready=Match(TYPE, equals="hello"),
    )
)
TOKEN = b'{"type":"token","text":"Hi"}'
DONE = b'{"type":"done"}'

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, claims: int = -1) -> bytes:
    """One frame; `claims` is a length to write instead of the payload's own."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload) if claims < 0 else claims
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame((struct.pack("!H", code) if code is not None else b"") + reason, CLOSE)


ANSWER = frame(TOKEN) + frame(DONE)


def switching(head: bytes) -> bytes:
    """The answer that agrees to an upgrade."""
    key = head.split(b"sec-websocket-key: ")[1].split(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def read_head(peer: Any) -> bytes:
    """The client's request; b"" if it has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = peer.sock.recv(1)
        if not more:
            return b""
        head += more
    return head


def accept(peer: Any, then: bytes = b"") -> bytes:
    """Agree to the upgrade, `then` in the same write; returns the request."""
    head = read_head(peer)
    peer.send(switching(head) + then)
    return head


def read_frame(peer: Any) -> tuple[int, bytes]:
    """Opcode and payload of the client's next frame, which must be masked; (-1, b"") if it has gone."""
    head = exactly(peer, 2)
    if len(head) < 2:
        return -1, b""
    assert head[1] & 0x80, "clients mask their frames"
    size = head[1] & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", exactly(peer, 2))
    mask = exactly(peer, 4)
    data = exactly(peer, size)
    return head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def exactly(peer: Any, count: int) -> bytes:
    """So many bytes, or fewer if the client has gone."""
    data = b""
    while len(data) < count:
        more = peer.sock.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def chat(peer: Any, *answers: bytes) -> None:
    """Agree, answer each message with the next of these bytes, then wait until the client closes."""
    accept(peer)
    for answer in answers:
        read_frame(peer)
        peer.send(answer)
    peer.until_client_closes()


class Seen:
    """A Watch that remembers."""

    def __init__(self) -> None:
        self.open = 0
        self.drops: list[tuple[int, bool]] = []

    def opened(self) -> None:
        self.open += 1

    def closed(self) -> None:
        self.open -= 1

    def dropped(self, close: Close, *, in_call: bool) -> None:
        self.drops.append((close.code, in_call))


@pytest.fixture
def ws() -> SimpleNamespace:
    """The functions and bytes above, by name."""
    return SimpleNamespace(**{name: value for name, value in globals().items() if not name.startswith("_")})


@pytest.fixture
def dial(serve: Any) -> Iterator[Callable[..., SocketConnection]]:
    """`dial(url, **arguments of Endpoint.build)`: closed before the servers are awaited."""
    del serve
    opened: list[SocketConnection] = []

    def make(
        url: str, dialect: Any = CHAT, watch: Any = None, ping_s: float | None = None, **arguments: Any
    ) -> SocketConnection:
        arguments.setdefault("timeouts", Timeouts(20, 20, 20, 20))
        opened.append(SocketConnection(Endpoint.build(url, **arguments), dialect, watch, ping_s=ping_s))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def talk() -> Callable[[SocketConnection], CallRecord]:
    """`talk(connection)`: one call."""

    def one(connection: SocketConnection) -> CallRecord:
        record = CallRecord(connection.clock())
        record.stream = True
        request = CHAT.encode("Which city?", ChatOptions(model="m", stream=True))
        return connection.call(request, record)

    return one
