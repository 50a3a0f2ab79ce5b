"""A straight line over a stretch of time: users or calls per second, its area, and the area's inverse.

    level(τ) = b + (e − b) × τ ÷ D                      0 ≤ τ ≤ D, from level b to level e
    area(τ)  = b τ + s τ² ÷ 2                           s = (e − b) ÷ D
    when(y)  = 2 y ÷ (b + √(b² + 2 s y))                 the root of area(τ) = y that lies in the stretch

`when` has this form, and not the schoolbook's (√… − b) ÷ s, because it neither divides by a slope of 0
nor subtracts two near numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Slope:
    """From `begin` at `start_s` to `end` at `end_s`. `requests`: exactly so many calls within it."""

    start_s: float
    end_s: float
    begin: float
    end: float
    requests: int | None = None

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s

    def level_at(self, at_s: float) -> float:
        """The level at that time; before the stretch its first, after it its last."""
        if self.duration_s <= 0:
            return self.end
        share = min(1.0, max(0.0, (at_s - self.start_s) / self.duration_s))
        return self.begin + (self.end - self.begin) * share

    def area(self, from_s: float, to_s: float) -> float:
        """The integral of the level over what the stretch and the span have in common."""
        low, high = max(from_s, self.start_s), min(to_s, self.end_s)
        # The mean of both ends is exact for a straight line.
        return max(0.0, high - low) * (self.level_at(low) + self.level_at(high)) / 2

    def when(self, areas: Array) -> Array:
        """The times, ascending, by which the area since `start_s` has grown to these, all in the stretch."""
        if self.begin == self.end:
            return self.inside(self.start_s + areas / self.begin)
        steepness = (self.end - self.begin) / self.duration_s
        root = np.sqrt(np.maximum(self.begin**2 + 2 * steepness * areas, 0.0))
        divisor = self.begin + root
        # A ramp from 0 has neither level nor area at its very start.
        into = np.divide(2 * areas, divisor, out=np.zeros_like(areas), where=divisor > 0)
        return self.inside(self.start_s + into)

    def inside(self, times: Array) -> Array:
        """The times, with those moved that rounding has put on the stretch's end: that is the next one's."""
        return np.clip(times, self.start_s, np.nextafter(self.end_s, self.start_s))
