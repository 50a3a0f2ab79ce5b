"""Passes a stream on as it comes, each piece a known time later; or in bursts, or with a late first piece.

What arrived at t is written at t + `after_s`: a delay line, so that first token and end are later by the same
known time, and gaps stay as they are. Distortions are known too: pieces are held until `burst` events are
there, and nothing is written before the first piece has waited for `first_delay_s`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final, NamedTuple

from tokenswarm.mock.connection import Connection
from tokenswarm.mock.proxy.link import Exchange
from tokenswarm.mock.proxy.usage import Events, closes
from tokenswarm.mock.timers import Timer, Timers

KEPT_BYTES: Final = 4 * 2**20
Dress = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Distortion:
    """How a stream is changed on its way; `burst` 1 and no delays: not at all."""

    burst: int
    first_delay_s: float


class _Due(NamedTuple):
    at_s: float
    data: bytes


class Relay:
    """One stream. `dress` changes the event with the usage; without it bytes pass as they are."""

    def __init__(
        self,
        connection: Connection,
        head: bytes,
        timers: Timers,
        after_s: float,
        distortion: Distortion,
        dress: Dress | None,
    ) -> None:
        self._connection = connection
        self._head: bytes | None = head
        self._timers = timers
        self._timer: Timer | None = None
        self._after_s = after_s
        self._distortion = distortion
        self._dress = dress
        # Whole events are needed to change one, and to count them.
        self._events = Events() if dress is not None or distortion.burst > 1 else None
        self._burst: list[bytes] = []
        self._queue: deque[_Due] = deque()
        self._earliest_s = 0.0
        self._ending: bool | None = None  # whether it was whole
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self.written_s: float | None = None  # its last byte
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def kept(self) -> bytes:
        """The stream as the upstream sent it, or its last part if it is very long."""
        return b"".join(self._kept)

    @property
    def is_kept_whole(self) -> bool:
        return self._ending is True and self._kept_bytes <= KEPT_BYTES

    def start(self, exchange: Exchange) -> None:
        """Pass on the head, and from now on what comes."""
        self._push(b"", self._arrival_s(exchange))
        exchange.take(self._take)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arrival_s(self, exchange: Exchange) -> float:
        return exchange.head_s or perf_counter()

    def _take(self, data: bytes, is_over: bool, is_whole: bool) -> None:
        now_s = perf_counter()
        if data:
            self._keep(data)
            if not self._earliest_s:
                self._earliest_s = now_s + self._distortion.first_delay_s
        out = self._reworked(data, is_over)
        if is_over:
            self._ending = is_whole
        if out or is_over:
            self._push(out, now_s)

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._kept_bytes += len(data)
        if self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            del self._kept[0]  # it will not be cached; the end still says what it cost

    def _reworked(self, data: bytes, is_over: bool) -> bytes:
        if self._events is None:
            return data
        events = self._events.feed(data)
        if self._dress is not None:
            events = [self._dress(event) if closes(event) else event for event in events]
        self._burst += events
        if is_over:
            self._burst.append(self._events.rest())
        elif len(self._burst) < self._distortion.burst:
            return b""
        out = b"".join(self._burst)
        self._burst.clear()
        return out

    def _push(self, data: bytes, arrived_s: float) -> None:
        self._queue.append(_Due(max(arrived_s + self._after_s, self._earliest_s), data))
        if self._timer is None:
            self._flush()

    def _flush(self) -> None:
        """Write all that is due, and wait for what isn't."""
        self._timer = None
        now_s = perf_counter()
        due = []
        while self._queue and self._queue[0].at_s <= now_s:
            due.append(self._queue.popleft().data)
        if due:
            self._write(b"".join(due))
        if self._queue:
            self._timer = self._timers.at(self._queue[0].at_s, self._flush)

    def _write(self, data: bytes) -> None:
        is_last = self._ending is not None and not self._queue
        if self._head is not None:
            head, self._head = self._head, None
            self._connection.begin(head, b"" if is_last else data)
        elif not is_last:
            self._connection.send(data)
        if is_last and not self.done.done():
            if self._ending:
                self._connection.finish(data)
            else:
                self._connection.cut(data)  # nearly as the upstream did: without the end that HTTP wants
            self.written_s = perf_counter()
            self.done.set_result(None)
