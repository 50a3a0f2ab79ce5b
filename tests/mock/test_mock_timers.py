"""Timers: order, cancelling and lag on a fake clock; and that the real alarm is never early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

import pytest

from tokenswarm.mock.timers import LoopAlarm, Timers, best_alarm


class HandAlarm:
    """An alarm that rings when the test says so."""

    def __init__(self, _loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.when_s = float("inf")
        self.times_set = 0

    def set(self, when_s: float) -> None:
        self.times_set += 1
        self.when_s = when_s

    def close(self) -> None:
        self.when_s = float("inf")


class Bench:
    """Timers on a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.fired: list[str] = []
        self.lags_s: list[float] = []
        loop = asyncio.new_event_loop()
        loop.close()  # the hand-rung alarm needs none
        self.timers = Timers(loop, self.lags_s.append, self._make_alarm, lambda: self.now_s)

    def _make_alarm(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> HandAlarm:
        self.alarm = HandAlarm(loop, wake)
        return self.alarm

    def note(self, name: str) -> Callable[[], None]:
        return lambda: self.fired.append(name)

    def ring(self, now_s: float) -> None:
        self.now_s = now_s
        self.alarm.wake()


def test_timers_fire_in_the_order_of_their_times_then_of_asking() -> None:
    """Equal times keep the order in which they were asked for."""
    bench = Bench()
    for name, when_s in (("late", 103), ("first", 101), ("second", 101)):
        bench.timers.at(when_s, bench.note(name))
    assert bench.alarm.when_s == 101
    bench.ring(101.5)
    assert bench.fired == ["first", "second"]
    assert bench.alarm.when_s == 103


def test_a_cancelled_timer_does_not_fire() -> None:
    """Its neighbours do."""
    bench = Bench()
    bench.timers.at(101, bench.note("gone")).cancel()
    bench.timers.at(101, bench.note("kept"))
    bench.ring(102)
    assert bench.fired == ["kept"]


def test_lag_is_how_late_the_earliest_timer_was() -> None:
    """One observation for each wake-up; a wake-up for nothing is none."""
    bench = Bench()
    bench.timers.at(101, bench.note("a"))
    bench.timers.at(101.25, bench.note("b"))
    bench.ring(101.5)
    bench.ring(101.6)
    assert bench.lags_s == [0.5]


def test_a_callback_can_ask_for_the_next_timer() -> None:
    """The alarm is set once when the pass is over, for the earliest of all that was asked for."""
    bench = Bench()
    for later_s in (104, 103, 102, 100.5):  # the last has passed, and fires in the same pass
        bench.timers.at(101, lambda later_s=later_s: bench.timers.at(later_s, bench.note("next")) and None)
    before = bench.alarm.times_set
    bench.ring(101)
    assert (bench.alarm.when_s, bench.alarm.times_set) == (102, before + 1)
    assert bench.fired == ["next"]
    bench.ring(105)
    assert bench.fired == ["next"] * 4
    assert bench.alarm.when_s == float("inf")


@pytest.mark.parametrize("make_alarm", [best_alarm, LoopAlarm])
def test_real_alarms_wake_and_are_never_more_than_a_step_early(make_alarm: Callable[..., best_alarm]) -> None:
    """Twenty timers 1 ms apart all fire; the loop's own timers may round down to their step."""

    async def run() -> list[float]:
        done = asyncio.Event()
        early_s: list[float] = []
        timers = Timers(asyncio.get_running_loop(), lambda _lag_s: None, make_alarm)
        start_s = perf_counter()

        def fired(index: int) -> None:
            early_s.append(start_s + index / 1000 - perf_counter())
            if index == 19:
                done.set()

        for index in range(20):
            timers.at(start_s + index / 1000, lambda index=index: fired(index))
        await asyncio.wait_for(done.wait(), 10)
        timers.close()
        return early_s

    early_s = asyncio.run(run())
    assert len(early_s) == 20
    assert max(early_s) <= 0
