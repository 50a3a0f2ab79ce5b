"""Looks while a run goes whether a threshold that aborts it is broken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.interval import coarser
from tokenswarm.metrics.judge import broken_abort_line
from tokenswarm.metrics.kept_samples import KeptSamples
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.reduced import reduced
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import StageSpan
from tokenswarm.metrics.thresholds import Threshold, ThresholdResult

_WHOLE_RUN_S: Final = 1e9  # one interval
# Until then the reports of an interval have come: what was judged with all of them need not be again.
_SETTLED_S: Final = 15.0


class AbortWatch:
    """What was measured so far as far as the lines ask for it: sums, and the last windows by interval.

    Neither its memory nor the time for a look grows with the run.
    """

    def __init__(self, lines: Sequence[Threshold], stages: Sequence[StageSpan], width_s: float) -> None:
        self._lines = [line for line in lines if line.abort]
        windows = [line.levels[0].expression.window for line in self._lines]
        self._of_windows = [line for line, window in zip(self._lines, windows, strict=True) if window]
        self._of_all = [line for line, window in zip(self._lines, windows, strict=True) if not window]
        self._metrics = {line.subject.metric for line in self._lines}
        self._labels = {name for line in self._lines for name, _ in line.subject.labels}
        self._stages = stages
        self._kept_s = max((window.duration_s for window in windows if window), default=0.0) + _SETTLED_S
        self._late = Measurements(stages, width_s)
        self._whole = Measurements(stages, _WHOLE_RUN_S)
        self._samples = KeptSamples(self._metrics, self._whole, self._late)

    def absorb(self, delta: Delta) -> None:
        """Keep what the lines are about."""
        if not self._lines:
            return
        for key, series in reduced(delta.series.items(), self._metrics, self._labels):
            if self._of_all:
                self._whole.add(key._replace(interval=0), series)
            if self._of_windows:
                interval = coarser(key.interval, delta.width_s, self._late.width_s)
                self._late.add(key._replace(interval=interval), series)

    def take_sample(self, sample: Sample) -> None:
        """Keep a reading of a gauge or a counter that a line is about."""
        self._samples.take(sample)

    def broken_line(self, elapsed_s: float) -> ThresholdResult | None:
        """The first line that is broken by now, if one is."""
        if not self._lines:
            return None
        self._forget(elapsed_s - self._kept_s)
        broken = broken_abort_line(self._of_windows, self._late, elapsed_s, self._stages)
        return broken or broken_abort_line(self._of_all, self._whole, elapsed_s)

    def _forget(self, before_s: float) -> None:
        """Let the run begin later: an empty window would seem one without load."""
        width_s = self._late.width_s
        first = math.floor(before_s / width_s) - 1  # the window is rounded up to whole intervals
        if first <= 0:
            return
        self._late.forget_before(first)
        start_s = first * width_s
        self._late.set_stages(
            [replace(s, start_s=max(s.start_s, start_s)) for s in self._stages if s.end_s > start_s]
        )
