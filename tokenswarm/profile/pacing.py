"""Stages laid out in time: how many users there should be (closed model), how many calls a second (open).

    stage i lasts from end(i−1) to end(i);  its level is its users or its rate, at share x of it:
        linear   before + (level(i) − before) × x
        step     level(i)

    before = `from`, or else the level of stage i−1; the first stage without `from` keeps its own.
    A stage with `requests` keeps its own, too.

Users are rounded to whole ones, halves up. A stage's end belongs to the next stage.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from tokenswarm.metrics.source import StageSpan
from tokenswarm.profile.slope import Slope
from tokenswarm.profile.stage import Stage


class StagePlan:
    """Stages in seconds since the run's start."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        # Rounded, so that three stages of 0.1 s end at 0.3 s.
        self._ends_s = [round(end_s, 9) for end_s in accumulate(stage.duration_s for stage in self.stages)]
        self.slopes = tuple(self._slopes())

    @property
    def is_open(self) -> bool:
        """Whether calls begin by the clock, whatever became of those before."""
        return any(stage.rate is not None for stage in self.stages)

    @property
    def total_s(self) -> float:
        """When the last stage ends; the latest that it does, if it counts calls of the closed model."""
        return self._ends_s[-1] if self._ends_s else 0.0

    @property
    def peak(self) -> float:
        """The most users, or calls per second, of any time."""
        return max((level for slope in self.slopes for level in (slope.begin, slope.end)), default=0.0)

    def stage_at(self, elapsed_s: float) -> Stage | None:
        """The stage of that time; None once the last one has ended."""
        i = self._index_at(elapsed_s)
        return self.stages[i] if i < len(self.stages) else None

    def users_at(self, elapsed_s: float) -> int:
        """Users wanted at that time; 0 once the last stage has ended, and in the open model."""
        return 0 if self.is_open else math.floor(self._level_at(elapsed_s) + 0.5)

    def rate_at(self, elapsed_s: float) -> float | None:
        """Calls per second that are due at that time, over all workers; None in the closed model."""
        return self._level_at(elapsed_s) if self.is_open else None

    def planned_calls(self, from_s: float, to_s: float) -> float | None:
        """Calls that are due in that span, on average if chance has a say; None in the closed model."""
        if not self.is_open:
            return None
        return math.fsum(slope.area(from_s, to_s) for slope in self.slopes)

    def spans(self) -> list[StageSpan]:
        """When each stage is to run."""
        return [
            StageSpan(stage.name, slope.start_s, slope.end_s, stage.warmup)
            for stage, slope in zip(self.stages, self.slopes, strict=True)
        ]

    def _level_at(self, elapsed_s: float) -> float:
        i = self._index_at(elapsed_s)
        return self.slopes[i].level_at(elapsed_s) if i < len(self.slopes) else 0.0

    def _index_at(self, elapsed_s: float) -> int:
        return bisect_right(self._ends_s, elapsed_s)

    def _slopes(self) -> Iterator[Slope]:
        before: float | None = None
        for stage, start_s, end_s in zip(self.stages, [0.0, *self._ends_s], self._ends_s, strict=False):
            level = float(stage.users if stage.rate is None else stage.rate)
            begin = stage.from_ if stage.from_ is not None else before
            if begin is None or stage.transition == "step" or stage.requests is not None:
                begin = level
            yield Slope(start_s, end_s, begin, level, stage.requests)
            before = level
