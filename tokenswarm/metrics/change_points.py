"""Where a figure's level changed in a row of runs, and how sure that is.

The place that splits a stretch, or a part of it, into the two most different means, weighted by how many runs
are on either side, is a change if shuffling the stretch seldom splits it as well (a permutation test); then
each side is looked at again. The weighting and the test are those of E-divisive (Matteson and James, JASA
2014), with means of logarithms in place of energy distances: a level that moved is what is asked for. The
parts are those of seeded binary segmentation (Kovács and others, Biometrika 2023): without them, a level that
went up and came back would hide itself.

Before, each value is pulled to within CLIP deviations of the median of its neighbours (Hampel's filter), so
that one bad run is no change and does not hide one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

SIGNIFICANCE: Final = 0.01  # of one test: a row of equal runs shows a change about so often
FEWEST_RUNS: Final = 3  # on either side
LEAST_CHANGE: Final = 0.02  # of the level: what is smaller concerns nobody
CLIP: Final = 5.0
_REACH: Final = 2  # neighbours on either side
_SHUFFLES: Final = 499
_TO_DEVIATION: Final = 1.4826  # of a median of deviations, for normal values

_Floats: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """From run `index` on the level is `after`, and since the change before it was `before` (medians)."""

    index: int
    before: float
    after: float
    p: float

    @property
    def change(self) -> float:
        """As a share of the level before."""
        return self.after / self.before - 1 if self.before else math.inf


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """The changes of level, in order; values must be finite. The same values always give the same answer."""
    found = np.asarray(values, dtype=np.float64)
    if len(found) < 2 * FEWEST_RUNS:
        return []
    # A ratio is what people ask for; shares of zero and falling gauges have none.
    logarithms = np.log(found) if found.min() > 0 else found
    splits = _splits(_clipped(logarithms), 0, np.random.default_rng(len(found)))
    borders = [0, *sorted(splits), len(found)]
    points = []
    for low, middle, high in zip(borders, borders[1:], borders[2:], strict=False):
        before, after = float(np.median(found[low:middle])), float(np.median(found[middle:high]))
        if abs(after - before) >= LEAST_CHANGE * abs(before):
            points.append(ChangePoint(middle, before, after, splits[middle]))
    return points


def _splits(values: _Floats, offset: int, rng: np.random.Generator) -> dict[int, float]:
    """Places of changes → how often chance does as well."""
    n = len(values)
    if n < 2 * FEWEST_RUNS:
        return {}
    best, middle = max(
        (float(found.max()), low + FEWEST_RUNS + int(found.argmax()))
        for low, high in _intervals(n)
        for found in _statistics(values[np.newaxis, low:high])
    )
    if best <= 1e-12:
        return {}
    shuffled = rng.permuted(np.tile(values, (_SHUFFLES, 1)), axis=1)
    chance = np.zeros(_SHUFFLES)
    for low, high in _intervals(n):
        np.maximum(chance, _statistics(shuffled[:, low:high]).max(axis=1), out=chance)
    p = (1 + int((chance >= best * (1 - 1e-9)).sum())) / (1 + _SHUFFLES)
    if p > SIGNIFICANCE:
        return {}
    return {
        offset + middle: p,
        **_splits(values[:middle], offset, rng),
        **_splits(values[middle:], offset + middle, rng),
    }


@cache
def _intervals(n: int) -> tuple[tuple[int, int], ...]:
    """The whole stretch, and shorter and shorter ones that overlap by half."""
    found = {(0, n)}
    length = n / math.sqrt(2)
    while length >= 2 * FEWEST_RUNS:
        steps = math.ceil(2 * (n - length) / length)
        for step in range(steps + 1):
            low = round(step * (n - length) / steps)
            found.add((low, min(n, low + math.ceil(length))))
        length /= math.sqrt(2)
    return tuple(sorted(found))


def _statistics(rows: _Floats) -> _Floats:
    """For each row and each allowed split: (mean left − mean right)² × left × right ÷ all."""
    n = rows.shape[1]
    left = np.arange(FEWEST_RUNS, n - FEWEST_RUNS + 1)
    sums = rows.cumsum(axis=1)[:, left - 1]
    whole = rows.sum(axis=1, keepdims=True)
    difference = sums / left - (whole - sums) / (n - left)
    result: _Floats = difference**2 * left * (n - left) / n
    return result


def _clipped(values: _Floats) -> _Floats:
    """Single values that stand out are pulled in; a step, of which neighbours are a part, stays as it is."""
    n = len(values)
    near = np.array([np.median(values[max(0, i - _REACH) : i + _REACH + 1]) for i in range(n)])
    most = CLIP * _TO_DEVIATION * float(np.median(np.abs(values - near)))
    return np.clip(values, near - most, near + most) if most else near
