"""Plays a planned answer on a connection: waits for each due time, writes, and notes when it did."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from enum import Enum
from time import perf_counter
from typing import Final

from tokenswarm.mock.ask import Ask
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.dialect import MockDialect
from tokenswarm.mock.drip import drip
from tokenswarm.mock.provider import Plan
from tokenswarm.mock.stamp import Stamp
from tokenswarm.mock.timers import Timer, Timers

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_GZIP_LEVEL: Final = 1  # the mock's CPU matters more than the ratio
GZIP_HEADERS: Final = b"content-encoding: gzip\r\nvary: accept-encoding\r\n"
_STREAM_HEADERS: Final = b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"


class Ending(Enum):
    """How a call ended."""

    ANSWERED = "answered"
    CUT_BY_CLIENT = "cut_by_client"
    CUT_BY_MOCK = "cut_by_mock"


# A plain slots class: one is made for each call.
class Call:
    """One call on its connection: its one timer, an end told exactly once, and the truth of what was written.

    Times are perf_counter's seconds.
    """

    __slots__ = (
        "_ended",
        "_timer",
        "_timers",
        "chunks_s",
        "connection",
        "dialect",
        "events",
        "first_output_s",
        "handed_s",
        "is_stream",
        "number",
        "received_s",
        "status",
        "tokens",
    )

    def __init__(
        self,
        number: bytes,
        received_s: float,
        connection: Connection,
        dialect: MockDialect,
        timers: Timers,
        ended: Ended,
    ) -> None:
        self.number = number  # the part that response id and request id share
        self.received_s = received_s
        self.connection = connection
        self.dialect = dialect
        self._timers = timers
        self._ended = ended
        self._timer: Timer | None = None
        self.is_stream = False
        self.status = 0
        self.chunks_s: list[float] = []  # content chunks of a stream
        self.handed_s: list[
            float
        ] = []  # when the write of each was over; of the last ones, when the call was
        self.first_output_s: float | None = None  # the first that isn't reasoning
        self.events = 0
        self.tokens = 0
        connection.on_lost = self._lost

    @property
    def id(self) -> bytes:
        return self.dialect.id_prefix + self.number

    def head(self, content_type: bytes, more: bytes = b"") -> bytes:
        """Status line and headers of the answer; `more` are whole header lines."""
        return self.dialect.head(self.status, self.number, self.elapsed_ms(), content_type, more)

    def elapsed_ms(self) -> float:
        return (perf_counter() - self.received_s) * 1000

    def stamp(self) -> Stamp:
        """The times up to now."""
        ttft_ms = (self.chunks_s[0] - self.received_s) * 1000 if self.chunks_s else None
        return Stamp(ttft_ms, self.elapsed_ms())

    def at(self, when_s: float, callback: Callable[[], None]) -> None:
        """Call back at this time of perf_counter's; never at once."""
        self._timer = self._timers.at(when_s, callback)

    def wait(self, due_s: float, callback: Callable[[], None]) -> None:
        """Call back `due_s` after receipt; never at once, so chunks without gaps don't recurse."""
        self._timer = self._timers.at(self.received_s + due_s, callback)

    def answered(self) -> None:
        self._ended(self, Ending.ANSWERED)

    def _lost(self, by_mock: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._ended(self, Ending.CUT_BY_MOCK if by_mock else Ending.CUT_BY_CLIENT)


Ended = Callable[[Call, Ending], None]


def gzip_whole(body: bytes) -> bytes:
    """The body as one gzip member."""
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


class WholeAnswer:
    """An answer in one body, written when its last token would be."""

    __slots__ = ("_ask", "_call", "_is_gzip", "_plan")

    def __init__(self, call: Call, ask: Ask, plan: Plan, *, is_gzip: bool) -> None:
        self._call = call
        self._ask = ask
        self._plan = plan
        self._is_gzip = is_gzip

    def start(self) -> None:
        if self._plan.total_s > 0:
            self._call.wait(self._plan.total_s, self._write)
        else:
            self._write()

    def _write(self) -> None:
        call, plan = self._call, self._plan
        stamp = call.stamp()
        body = call.dialect.whole(call.id, self._ask, plan, stamp)
        more = b"x-mock-provider-ms: %.3f\r\n" % stamp.total_ms
        if self._is_gzip:
            body = gzip_whole(body)
            more += GZIP_HEADERS
        # Not call.head: the time is known already, and this runs for each call.
        head = call.dialect.head(call.status, call.number, stamp.total_ms, b"application/json", more)
        call.tokens = plan.tokens + plan.orders.reasoning if call.dialect.is_text else 0
        if plan.orders.cut is not None:
            call.connection.cut(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body[: len(body) // 2]))
            return
        if plan.orders.drip:
            call.connection.begin(head, b"")
            drip(body, plan.orders.drip, call.connection.send, call.at, self._finish)
            return
        call.connection.respond(head, body)
        call.answered()

    def _finish(self) -> None:
        self._call.connection.finish(b"")
        self._call.answered()


class StreamedAnswer:
    """An answer event by event: opening, content chunks in their groups, ending."""

    __slots__ = (
        "_call",
        "_group_end",
        "_is_cut",
        "_is_error",
        "_next",
        "_packer",
        "_plan",
        "_stop",
        "_stream",
    )

    def __init__(self, call: Call, ask: Ask, plan: Plan, *, is_gzip: bool) -> None:
        self._call = call
        self._plan = plan
        self._stream = call.dialect.stream(call.id, ask, plan)
        self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW) if is_gzip else None
        self._next = 0  # the first chunk of the group that comes next …
        self._group_end = 0  # … and the first that isn't in it
        cut, error_at = plan.orders.cut, plan.orders.error_at
        stops = [stop for stop in (cut, error_at) if stop is not None]
        self._stop = min([len(self._stream.pieces), *stops])
        self._is_cut = cut is not None and cut <= self._stop
        self._is_error = not self._is_cut and error_at is not None and error_at <= self._stop

    def start(self) -> None:
        call = self._call
        more = _STREAM_HEADERS + GZIP_HEADERS if self._packer else _STREAM_HEADERS
        head = call.head(b"text/event-stream; charset=utf-8", more)
        opening = self._packed(self._stream.opening())
        call.events = self._stream.events
        if self._plan.orders.drip:
            call.connection.begin(head, b"")
            self._send(opening, self._wait_for_next)
            return
        call.connection.begin(head, opening)
        self._wait_for_next()

    def _wait_for_next(self) -> None:
        """Wait for the last chunk of the next group, or for what stands in place of more content."""
        due_s = self._plan.due_s
        if self._next < self._stop:
            self._group_end = min(self._next + self._plan.orders.burst, self._stop)
            self._call.wait(due_s[self._group_end - 1], self._write_group)
        elif self._is_cut:
            self._call.connection.cut()
        else:
            self._call.wait(due_s[min(self._next, len(due_s) - 1)], self._end)

    def _write_group(self) -> None:
        call, stream = self._call, self._stream
        last = len(stream.pieces) - 1
        now_s = perf_counter()
        events = []
        for index in range(self._next, self._group_end):
            piece = stream.pieces[index]
            call.chunks_s.append(now_s)
            call.tokens += piece.tokens
            if call.first_output_s is None and not piece.is_reasoning:
                call.first_output_s = now_s
            is_stamped = index == last and self._plan.orders.stamp
            events.append(stream.content(index, call.stamp() if is_stamped else None))
        self._next = self._group_end
        if self._next > last and not self._is_cut and not self._is_error:
            # The ending rides on the last content's write: one system call less, and no gap of ours after it.
            events.append(stream.ending(call.stamp()))
            self._finish(b"".join(events))
            return
        data = self._packed(b"".join(events))
        call.events = stream.events
        self._send(data, self._wait_for_next)

    def _send(self, data: bytes, then: Callable[[], None]) -> None:
        call, bytes_per_s = self._call, self._plan.orders.drip
        if bytes_per_s:
            drip(data, bytes_per_s, call.connection.send, call.at, then)
        else:
            call.connection.send(data)
            call.handed_s += [perf_counter()] * (len(call.chunks_s) - len(call.handed_s))
            then()

    def _end(self) -> None:
        self._finish(self._stream.error())

    def _finish(self, data: bytes) -> None:
        packed = self._packed(data, is_last=True)
        self._call.events = self._stream.events
        if self._plan.orders.drip:
            self._send(packed, lambda: self._complete(b""))
        else:
            self._complete(packed)

    def _complete(self, data: bytes) -> None:
        self._call.connection.finish(data)
        self._call.answered()

    def _packed(self, data: bytes, *, is_last: bool = False) -> bytes:
        if self._packer is None:
            return data
        # A sync flush for each write: a chunk that waits in the compressor would not be a chunk.
        return self._packer.compress(data) + self._packer.flush(
            zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH
        )
