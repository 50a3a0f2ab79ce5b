"""One HTTP/1.1 keep-alive connection of one user, on a gevent socket, every read timed.

RFC 9112. Each read has one time, of its bytes' arrival, taken before they are parsed. The connection is kept
when a response was complete and said nothing against it, and is closed after anything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import httptools
from gevent import get_hub, getcurrent

from tokenswarm.errors import CallError
from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.arrival import ArrivalClock, stamp_arrivals
from tokenswarm.transport.connecting import connected_socket, shake_hands
from tokenswarm.transport.deadline import Deadline
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.failures import FOREIGN, failure_of
from tokenswarm.transport.response import Response
from tokenswarm.transport.tls import TlsChannel
from tokenswarm.wire.dialect import Request

_READABLE: Final = 1  # libev's EV_READ

# One for all connections: nothing switches greenlets between a read and the parsing of its bytes.
_BUFFER: Final = memoryview(bytearray(64 * 1024))
_ARRIVALS: Final = ArrivalClock()


class HttpConnection:
    """A connection to one endpoint, opened when first used. One call at a time.

    `drain_s`: how long a finished stream may take to end its body before its connection is given up.
    """

    __slots__ = (
        "_bare",
        "_channel",
        "_drain_s",
        "_is_stamped",
        "_latest_s",
        "_socket",
        "_to_hub",
        "_wake",
        "_watcher",
        "bytes_received",
        "clock",
        "deadline",
        "endpoint",
        "response",
    )

    def __init__(
        self, endpoint: Endpoint, clock: Callable[[], float] = time.monotonic, *, drain_s: float = 0.1
    ) -> None:
        self._drain_s = drain_s
        self.endpoint = endpoint
        self.clock = clock
        self.deadline = Deadline(endpoint.timeouts, clock)
        self.response = Response(endpoint.max_header_bytes, endpoint.max_body_bytes)
        self.bytes_received = 0  # of the call under way
        self._socket: Any = None
        self._bare: Any = None  # the same without gevent's wrapper, which takes a third of a send or a read
        self._is_stamped = False  # the kernel says when bytes arrived
        self._latest_s = 0.0  # no read of the call under way can be earlier
        self._channel: TlsChannel | None = None
        self._watcher: Any = None
        self._to_hub: Any = None
        self._wake: Any = None  # switches to whoever makes the call

    @property
    def is_open(self) -> bool:
        """The next call will find a connection to reuse."""
        return self._socket is not None

    def request(self, request: Request, record: CallRecord) -> float:
        """Send, wait for the answer's first bytes and return their time; raises CallError or FOREIGN."""
        self.deadline.begin()
        self._wake = getcurrent().switch
        self.bytes_received = 0
        data = self.endpoint.request_bytes(request)
        if self._socket is not None:
            record.is_reused = True
            self.response.reset()
            first_at_s = self._ask(data, record)
            if first_at_s is not None:
                return first_at_s
            # The server gave up an idle connection: no fault of the call. A new one can't be stale, so once.
            self._drop()
            record.is_reused = False
            record.reconnects += 1
            record.started_at_s = record.sent_at_s = None
        self._open(record)
        first_at_s = self._ask(data, record)
        if first_at_s is None:
            raise CallError("truncated", "connection closed before any byte of an answer")
        return first_at_s

    def read(self) -> float:
        """Wait for bytes, time them, then parse them. Raises CallError, or FOREIGN."""
        response = self.response
        count, at_s = self._receive()
        if not count:
            self._end()
            return at_s
        self.bytes_received += count
        try:
            if self._channel is None:
                response.received += count
                response.feed(_BUFFER[:count])
            else:
                self._feed_encrypted(self._channel, count)
        except httptools.HttpParserError:
            if not response.is_complete:  # else the answer is good, and only what follows is not
                raise
            response.keeps_alive = False
        if response.received > response.limit:
            part = "body" if response.has_head else "response headers"
            raise CallError("malformed", f"{part} larger than the limit")
        return at_s

    def release(self) -> None:
        """The call is over: keep the connection if its response is complete or about to be, else close it."""
        response = self.response
        if response.keeps_alive and not response.is_complete:
            self._drain()
        # The timer stays: a server that closes after each answer should not cost one a call.
        self.deadline.end()
        if not (response.keeps_alive and response.is_complete):
            self._drop()

    def close(self) -> None:
        """Close whatever is open; the next call opens anew."""
        self.deadline.close()
        self._drop()

    def _drop(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            self._socket.close()
            self._socket = self._bare = None
        self._channel = None

    def _ask(self, data: bytes, record: CallRecord) -> float | None:
        """Send and read up to the first bytes; None if the connection closed before any."""
        response = self.response
        clock = self.clock
        channel = self._channel
        if channel is not None:
            data = channel.encrypt(data)
        record.bytes_sent += len(data)
        record.started_at_s = started_at_s = sent_at_s = clock()
        self.deadline.phase("timeout_first_token", started_at_s + self.endpoint.timeouts.first_token_s)
        try:
            # What goes out in one piece is on its way from then on. Afterwards we may have lost the core to
            # whom it woke, and the answer would seem to have come in no time.
            if not self._send(data):
                sent_at_s = clock()
        except ConnectionError:
            # An answer may be there all the same: a server may refuse before it has read everything.
            sent_at_s = clock()
        record.sent_at_s = self._latest_s = sent_at_s
        try:
            while True:
                at_s = self.read()
                if response.has_begun:
                    record.headers_at_s = at_s
                    return at_s
        except ConnectionError:
            if response.received:
                raise
            return None

    def _send(self, data: bytes) -> bool:
        """Send it all; returns whether it went out in one piece."""
        try:
            sent: int = self._bare.send(data)  # cheaper than sendall, and nearly always enough
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._socket.sendall(memoryview(data)[sent:])
            return False
        return True

    def _feed_encrypted(self, channel: TlsChannel, count: int) -> None:
        response = self.response
        channel.receive(_BUFFER[:count])
        for plain in channel.decrypt():
            response.received += len(plain)
            response.feed(plain)
        answer = channel.outgoing()
        if answer:  # a key update wants one
            self._send(answer)
        if channel.is_closed and not response.is_complete:
            self._end()

    def _end(self) -> None:
        missing = self.response.end()
        if missing:
            raise ConnectionError(missing)

    def _drain(self) -> None:
        self.deadline.phase("timeout_idle", self.clock() + self._drain_s)
        try:
            while not self.response.is_complete:
                self.read()
                self.response.discard_body()
        except (CallError, *FOREIGN):
            self.response.keeps_alive = False

    def _open(self, record: CallRecord) -> None:
        endpoint = self.endpoint
        began_at_s = self.clock()
        self.deadline.phase("timeout_connect", began_at_s + endpoint.timeouts.connect_s)
        try:
            self._socket = connected_socket(endpoint)
            self._bare = self._socket._sock
            # A clock of somebody's own has nothing to do with the kernel's.
            self._is_stamped = self.clock is time.monotonic and stamp_arrivals(self._bare)
            self._latest_s = began_at_s
            hub = get_hub()
            self._to_hub = hub.switch
            self._watcher = hub.loop.io(self._socket.fileno(), _READABLE)
            if endpoint.tls is not None:
                tls_from_s = self.clock()
                channel = TlsChannel(endpoint.tls, endpoint.server_name)
                self._channel = shake_hands(channel, self._send, self._receive_some)
                record.tls_s = self.clock() - tls_from_s
        except FOREIGN as error:
            raise failure_of(error, connecting_to=endpoint.address) from error
        record.connect_s = self.clock() - began_at_s
        # A parser that saw an earlier connection end has no way back.
        self.response = Response(endpoint.max_header_bytes, endpoint.max_body_bytes)

    def _receive(self) -> tuple[int, float]:
        """Wait for bytes and read them into the buffer: how many, and when they arrived."""
        watcher = self._watcher
        while True:
            # What hub.wait() does, without its waiter, which takes a sixth of a wait and a read.
            watcher.start(self._wake)
            try:
                self._to_hub()
            finally:
                watcher.stop()
            try:
                if self._is_stamped:
                    count, at_s = _ARRIVALS.receive(self._bare, _BUFFER)
                else:
                    count = self._bare.recv_into(_BUFFER)
                    at_s = self.clock()
            except BlockingIOError:  # ready, but for nothing: the kernel may say so
                continue
            if at_s < self._latest_s:
                return count, self._latest_s  # arrived while we were still sending
            self._latest_s = at_s
            return count, at_s

    def _receive_some(self) -> memoryview:
        return _BUFFER[: self._receive()[0]]
