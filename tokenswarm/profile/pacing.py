"""The closed model: how many users there should be at a time.

    stage i lasts from end(i−1) to end(i);  users(t) at share x = (t − end(i−1)) ÷ duration of it:
        linear   before + (users(i) − before) × x     before = users of stage i−1, for i = 0 its own
        step     users(i)

Rounded to whole users, halves up. A stage's end belongs to the next stage.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from tokenswarm.metrics.source import StageSpan
from tokenswarm.profile.schema import Stage


class StagePlan:
    """Stages laid out in time, in seconds since the run's start."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        # Rounded, so that three stages of 0.1 s end at 0.3 s.
        self._ends_s = [round(end_s, 9) for end_s in accumulate(stage.duration_s for stage in self.stages)]

    @property
    def total_s(self) -> float:
        """When the last stage ends."""
        return self._ends_s[-1] if self._ends_s else 0.0

    def stage_at(self, elapsed_s: float) -> Stage | None:
        """The stage of that time; None once the last one has ended."""
        i = self._index_at(elapsed_s)
        return self.stages[i] if i < len(self.stages) else None

    def users_at(self, elapsed_s: float) -> int:
        """Users wanted at that time; 0 once the last stage has ended."""
        i = self._index_at(elapsed_s)
        if i >= len(self.stages):
            return 0
        stage = self.stages[i]
        if i == 0 or stage.transition == "step":
            return stage.users
        before = self.stages[i - 1].users
        into = max(0.0, elapsed_s - self._ends_s[i - 1]) / stage.duration_s
        return math.floor(before + (stage.users - before) * into + 0.5)

    def spans(self) -> list[StageSpan]:
        """When each stage is to run."""
        starts = [0.0, *self._ends_s]
        return [
            StageSpan(stage.name, start_s, end_s, stage.warmup)
            for stage, start_s, end_s in zip(self.stages, starts, self._ends_s, strict=False)
        ]

    def _index_at(self, elapsed_s: float) -> int:
        return bisect_right(self._ends_s, elapsed_s)
