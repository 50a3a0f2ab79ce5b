"""The clock that Locust gets."""

from __future__ import annotations

import time

from tokenswarm.swarm.steady_time import SteadyTime


class Clock:
    """A clock that shows what it is told."""

    def __init__(self, shows: float) -> None:
        self.shows = shows

    def __call__(self) -> float:
        return self.shows


def test_a_step_of_the_wall_clock_is_not_seen() -> None:
    """Time passes as the monotonic clock says, from the date on that the wall clock had at first."""
    wall, monotonic = Clock(1_800_000_000.0), Clock(50.0)
    steady = SteadyTime(wall, monotonic)
    assert steady.time() == 1_800_000_000
    wall.shows -= 3600
    monotonic.shows += 2.5
    assert steady.time() == 1_800_000_002.5


def test_all_else_is_the_time_module_s() -> None:
    """Locust sleeps, formats and counts with it."""
    assert SteadyTime().perf_counter is time.perf_counter
    assert SteadyTime().strftime is time.strftime
