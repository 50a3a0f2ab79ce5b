"""Runs callbacks at absolute times, true to about a tenth of a millisecond where Linux helps.

libuv's timers count whole milliseconds, so a 5 ms gap would wander between 4 and 6. A timerfd is
armed for the earliest due time, and the event loop watches it like a socket. Where there is no
timerfd (macOS) the loop's own timers serve, with their coarser steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import perf_counter
from typing import Final, Protocol

from tokenswarm.timerfd import IS_SUPPORTED, Timerfd

_NEVER_S: Final = float("inf")


class Alarm(Protocol):
    """Something that can wake the loop at one absolute time, the latest that was asked for."""

    def set(self, when_s: float) -> None:
        """Wake at `when_s` on perf_counter's clock; a time that has passed wakes at once."""

    def close(self) -> None: ...


class TimerfdAlarm:
    """A timerfd that the loop watches like a socket."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self._timer = Timerfd()
        self._loop = loop
        loop.add_reader(self._timer.fd, wake)

    def set(self, when_s: float) -> None:
        if when_s == _NEVER_S:
            self._timer.disarm()
        else:
            self._timer.set(when_s)

    def close(self) -> None:
        self._loop.remove_reader(self._timer.fd)
        self._timer.close()


class LoopAlarm:
    """The event loop's own timer: millisecond steps."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self._loop = loop
        self._wake = wake
        self._handle: asyncio.TimerHandle | None = None

    def set(self, when_s: float) -> None:
        self.close()
        if when_s != _NEVER_S:
            self._handle = self._loop.call_later(max(0.0, when_s - perf_counter()), self._wake)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def best_alarm(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> Alarm:
    """The most exact alarm that this system has."""
    return TimerfdAlarm(loop, wake) if IS_SUPPORTED else LoopAlarm(loop, wake)


# A plain slots class: one is made for each chunk.
class Timer:
    """A callback that waits for its time; `cancel` also lets go of what the callback holds."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        # Let go first: who asked for the timer holds it, and is held by the callback.
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """All that waits for its time, earliest first; `observe_lag` is told how late each wake-up was."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        observe_lag: Callable[[float], None],
        make_alarm: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Alarm] = best_alarm,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()  # equal times fire in the order they were asked for
        self._armed_for_s = _NEVER_S
        self._observe_lag = observe_lag
        self._alarm = make_alarm(loop, self._wake)

    def at(self, when_s: float, callback: Callable[[], None]) -> Timer:
        """Call back at `when_s` on perf_counter's clock."""
        timer = Timer(callback)
        heappush(self._heap, (when_s, next(self._order), timer))
        if when_s < self._armed_for_s:
            self._arm(when_s)
        return timer

    def close(self) -> None:
        self._heap.clear()
        self._alarm.close()

    def _arm(self, when_s: float) -> None:
        self._armed_for_s = when_s
        self._alarm.set(when_s)

    def _wake(self) -> None:
        heap = self._heap
        now_s = self._clock()
        if heap and heap[0][0] <= now_s:
            self._observe_lag(now_s - heap[0][0])
        self._armed_for_s = 0.0  # callbacks that ask for new times must not arm one by one
        # One pass only: what falls due meanwhile waits for the next turn, so that sockets get theirs.
        while heap and heap[0][0] <= now_s:
            heappop(heap)[2].fire()
        self._arm(heap[0][0] if heap else _NEVER_S)
