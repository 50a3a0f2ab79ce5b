"""Where an axis has its numbers, and how they read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

_STEPS: Final = (1, 2, 5, 10)
# Times are read in hours, minutes and seconds: steps that divide those.
_CLOCK_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400),
)
_CLOCK_FROM_S: Final = 180.0  # longer runs are read as a clock


class Tick(NamedTuple):
    """A place on an axis, in its units, and what stands there."""

    at: float
    text: str


def number_ticks(low: float, high: float, wanted: int = 5) -> tuple[Tick, ...]:
    """About `wanted` round numbers from `low` to `high`."""
    step = _round_step((high - low) / wanted)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return tuple(Tick(at, f"{at:,.{places}f}") for at in _multiples(step, low, high))


def time_ticks(low_s: float, high_s: float, wanted: int = 7) -> tuple[Tick, ...]:
    """Round times since the start: seconds in short runs, a clock's in long ones."""
    if not is_clock(high_s):
        return tuple(Tick(tick.at, f"{tick.text} s") for tick in number_ticks(low_s, high_s, wanted))
    least_s = (high_s - low_s) / wanted
    step_s = next((step for step in _CLOCK_STEPS_S if step >= least_s), 0) or 86400 * math.ceil(
        least_s / 86400
    )
    return tuple(Tick(at, clock(at)) for at in _multiples(step_s, low_s, high_s))


def is_clock(high_s: float) -> bool:
    """Whether times up to here are read as a clock's."""
    return high_s > _CLOCK_FROM_S


def clock(seconds: float) -> str:
    """1:30, 2:05:00"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least so large."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))


def _multiples(step: float, low: float, high: float) -> Iterator[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return (round(i * step, 10) for i in range(first, last + 1))
