"""One TCP connection, with TLS or without, for what isn't HTTP all along: one read, one piece."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from gevent import get_hub

from tokenswarm.transport.connecting import connected_socket, shake_hands
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.tls import TlsChannel

if TYPE_CHECKING:
    from collections.abc import Iterator

_READABLE: Final = 1  # libev's EV_READ

# One for all connections: nothing switches greenlets between a read and the copy of its bytes.
_BUFFER: Final = memoryview(bytearray(64 * 1024))


class Line:
    """An open connection. Every method raises OSError, ssl.SSLError among them, when it breaks."""

    __slots__ = ("_channel", "_socket", "_wait", "_watcher", "is_ended", "tls_s")

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float]) -> None:
        """Connect, which waits; whoever ends the wait finds nothing left open."""
        self._channel: TlsChannel | None = None
        self._socket = connected_socket(endpoint)
        hub = get_hub()
        self._wait = hub.wait
        self._watcher = hub.loop.io(self._socket.fileno(), _READABLE)
        self.is_ended = False  # the peer sends no more
        self.tls_s: float | None = None  # what the handshake took
        if endpoint.tls is not None:
            began_at_s = clock()
            try:
                channel = TlsChannel(endpoint.tls, endpoint.server_name)
                self._channel = shake_hands(channel, self._socket.sendall, self._receive)
                self.tls_s = clock() - began_at_s
            except BaseException:
                self.close()
                raise

    def read(self) -> bytes:
        """Wait for bytes and return what one read brings; none at the end, or if TLS kept them to itself."""
        self._wait(self._watcher)
        return self._plain(self._socket.recv_into(_BUFFER))

    def poll(self) -> bytes | None:
        """What is there now; None if nothing is. Never waits, so the hub itself may call it."""
        with self._without_waiting():
            try:
                return self._plain(self._socket.recv_into(_BUFFER))
            except BlockingIOError:
                return None

    def send(self, data: bytes) -> int:
        """Send it all, waiting where the peer is slow; returns the bytes on the wire, TLS included."""
        if self._channel is not None:
            data = self._channel.encrypt(data)
        sent = self._socket.send(data)  # cheaper than sendall, and nearly always enough
        if sent < len(data):
            self._socket.sendall(memoryview(data)[sent:])
        return len(data)

    def send_at_once(self, data: bytes) -> None:
        """Send it without waiting; ConnectionError if the peer has left no room for it."""
        if self._channel is not None:
            data = self._channel.encrypt(data)
        with self._without_waiting():
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
        if sent < len(data):
            # Half a frame, or a TLS record left out: nothing that follows could be read any more.
            raise ConnectionError("the server takes no more bytes")

    def watch(self, callback: Callable[[], None]) -> None:
        """Have the hub call back when there is something to read, until `unwatch`."""
        self._watcher.start(callback)

    def unwatch(self) -> None:
        """No callback any more."""
        self._watcher.stop()

    def close(self) -> None:
        """Close it; nothing is sent."""
        self._watcher.close()
        self._socket.close()

    @contextmanager
    def _without_waiting(self) -> Iterator[None]:
        self._socket.settimeout(0.0)
        try:
            yield
        finally:
            self._socket.settimeout(None)

    def _receive(self) -> Any:
        self._wait(self._watcher)
        return _BUFFER[: self._socket.recv_into(_BUFFER)]

    def _plain(self, count: int) -> bytes:
        if not count:
            self.is_ended = True
            return b""
        channel = self._channel
        if channel is None:
            return bytes(_BUFFER[:count])
        channel.receive(_BUFFER[:count])
        data = b"".join(channel.decrypt())
        answer = channel.outgoing()
        if answer:  # a key update wants one
            with suppress(OSError):  # who doesn't get it will say so
                self._socket.send(answer)
        self.is_ended = self.is_ended or channel.is_closed
        return data
