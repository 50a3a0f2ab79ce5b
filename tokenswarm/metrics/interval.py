"""How wide one interval of measurements is: files and memory must not grow with a run's length."""

from __future__ import annotations

from typing import Final

MOST_INTERVALS: Final = 600
_NARROWEST_S: Final = 1.0


def interval_width_s(total_s: float) -> float:
    """1, 2, 4 … s: the narrowest that keeps a run of this length within MOST_INTERVALS."""
    width_s = _NARROWEST_S
    while total_s / width_s > MOST_INTERVALS:
        width_s *= 2
    return width_s
