"""Where the marks of a forest plot stand: one line a figure, its interval, its mean and its pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.ab import AbRow

WIDTH: Final = 1000.0
LABELS: Final = 190.0  # room for names, at the left
FIGURES: Final = 215.0  # and for the change and its interval, at the right
LINE: Final = 46.0
TOP: Final = 34.0
BOTTOM: Final = 40.0
_STEPS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_TICKS_A_SIDE: Final = 4
_ROOM: Final = 1.06
_FARTHEST: Final = 4.0  # of the margin, for single pairs: one outlier mustn't shrink everything else


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class ForestLine:
    """One figure. `low`, `high` and `mean` are None where there is no interval."""

    row: AbRow
    y: float
    low: float | None
    high: float | None
    mean: float | None
    margin: tuple[float, float]  # from where to where changes are put up with
    pairs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Forest:
    """The whole plot, in units of its own view box."""

    height: float
    zero: float
    left: float
    right: float
    ticks: tuple[Tick, ...]
    lines: tuple[ForestLine, ...]


def forest_of(rows: Sequence[AbRow]) -> Forest | None:
    """Worse is to the right; None without rows that have an interval."""
    if not any(row.answer.mean is not None for row in rows):
        return None
    scale = _Scale(_reach(rows))
    lines = tuple(_line(row, TOP + LINE * (n + 0.5), scale) for n, row in enumerate(rows))
    return Forest(
        TOP + LINE * len(rows) + BOTTOM, scale.x(0.0), LABELS, WIDTH - FIGURES, scale.ticks(), lines
    )


class _Scale:
    def __init__(self, reach: float) -> None:
        self._reach = reach

    def x(self, worse: float) -> float:
        """Where a worsening, as a share or points, stands; what is beyond stands at the end."""
        share = min(1.0, max(-1.0, worse / self._reach))
        middle = (LABELS + WIDTH - FIGURES) / 2
        return round(middle + share * (WIDTH - FIGURES - LABELS) / 2, 1)

    def ticks(self) -> tuple[Tick, ...]:
        step = next((s for s in _STEPS if self._reach / s <= _TICKS_A_SIDE), _STEPS[-1])
        count = math.floor(self._reach / step)
        return tuple(Tick(self.x(n * step), _tick(n * step)) for n in range(-count, count + 1))


def _line(row: AbRow, y: float, scale: _Scale) -> ForestLine:
    ends = [None if end is None else scale.x(_share(row, end)) for end in _ends(row)]
    pairs = tuple(scale.x(_share(row, worse)) for worse in row.worse)
    return ForestLine(row, y, ends[0], ends[1], ends[2], (scale.x(-row.margin), scale.x(row.margin)), pairs)


def _ends(row: AbRow) -> tuple[float | None, float | None, float | None]:
    return row.answer.low, row.answer.high, row.answer.mean


def _share(row: AbRow, worse: float) -> float:
    """A worsening as people read it: a share of A, or points."""
    return math.expm1(worse) if row.is_ratio else worse


def _reach(rows: Sequence[AbRow]) -> float:
    """How far the axis must go to either side."""
    widest = max(row.margin for row in rows)
    intervals = [abs(_share(row, end)) for row in rows for end in _ends(row) if end is not None]
    pairs = [min(abs(_share(row, worse)), _FARTHEST * widest) for row in rows for worse in row.worse]
    return _ROOM * max(widest, *intervals, *pairs)


def _tick(share: float) -> str:
    if not share:
        return "0"
    return f"{'+' if share > 0 else '−'}{abs(share) * 100:.3g}%"
