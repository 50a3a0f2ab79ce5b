"""How wide one interval of measurements is: files and memory must not grow with a run's length."""

from __future__ import annotations

import math
from typing import Final

MOST_INTERVALS: Final = 600
_NARROWEST_S: Final = 1.0


def interval_width_s(total_s: float, report_interval_s: float = 0.0) -> float:
    """1, 2, 4 … s: the narrowest that keeps a run of this length within MOST_INTERVALS.

    Nor narrower than the time between two reports: what is measured finer has to be added up finer.
    """
    width_s = _NARROWEST_S
    while total_s / width_s > MOST_INTERVALS or width_s < report_interval_s:
        width_s *= 2
    return width_s


def coarser(interval: int, width_s: float, wider_s: float) -> int:
    """The number of the interval of `wider_s` that an interval of `width_s` begins in."""
    return interval if width_s == wider_s else math.floor(interval * width_s / wider_s + 1e-9)
