"""Which of N things is asked for next: all alike, or the k-th in proportion to 1 ÷ k^s (Zipf).

Several workers share one pool by dividing its probabilities, not its things: [0, 1) is cut into as many equal
parts as there are workers, and each draws within its own. Together they draw as one would alone, and all but
the things on a cut are asked for by one worker only, which therefore knows every answer to them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

_ROUNDING: Final = 1e-9


class Part(NamedTuple):
    """Worker `number` of `of`."""

    number: int = 0
    of: int = 1


class Popularity:
    """Draws numbers below `size`; with `exponent` 0 each is as likely as any other."""

    __slots__ = ("_ends", "_high", "_low", "_rng")

    def __init__(self, size: int, exponent: float, part: Part, rng: Random) -> None:
        self._ends: list[float] = list(accumulate(float(k + 1) ** -exponent for k in range(size)))
        whole = self._ends[-1]
        self._low, self._high = whole * part.number / part.of, whole * (part.number + 1) / part.of
        self._rng = rng

    def next(self) -> int:
        """The next one of this part."""
        at = self._low + self._rng.random() * (self._high - self._low)
        return min(bisect_right(self._ends, at), len(self._ends) - 1)

    def begun(self) -> Iterator[int]:
        """Those that begin in this part: the parts' lists together are all, each once."""
        slack = _ROUNDING * self._ends[-1]
        # A thing begins where the one before it ends.
        first = bisect_left(self._ends, self._low - slack) + 1 if self._low else 0
        stop = bisect_left(self._ends, self._high - slack) + 1
        return iter(range(first, min(stop, len(self._ends))))

    def is_own(self, number: int) -> bool:
        """Whether no other part ever draws it."""
        slack = _ROUNDING * self._ends[-1]
        begin = self._ends[number - 1] if number else 0.0
        return self._low - slack <= begin and self._ends[number] <= self._high + slack
