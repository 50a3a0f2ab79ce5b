"""Looks while a run goes whether a threshold that aborts it is broken."""

from __future__ import annotations

from collections.abc import Sequence

from tokenswarm.metrics.interval import coarser
from tokenswarm.metrics.judge import broken_abort_line
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.reduced import reduced
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import StageSpan
from tokenswarm.metrics.thresholds import Threshold, ThresholdResult


class AbortWatch:
    """What was measured so far, by interval, as far as the lines ask for it; nothing without lines."""

    def __init__(self, lines: Sequence[Threshold], stages: Sequence[StageSpan], width_s: float) -> None:
        self._lines = [line for line in lines if line.abort]
        # A line over windows has a new one only when an interval is full.
        self._without_window = [line for line in self._lines if line.levels[0].expression.window is None]
        self._metrics = {line.subject.metric for line in self._lines}
        self._labels = {name for line in self._lines for name, _ in line.subject.labels}
        self._measured = Measurements(stages, width_s)
        self._interval = -1

    def absorb(self, delta: Delta) -> None:
        """Keep what the lines are about."""
        if not self._lines:
            return
        width_s = self._measured.width_s
        for key, series in reduced(delta.series.items(), self._metrics, self._labels):
            interval = coarser(key.interval, delta.width_s, width_s)
            self._measured.add(key._replace(interval=interval), series)

    def broken_line(self, elapsed_s: float) -> ThresholdResult | None:
        """The first line that is broken by now, if one is."""
        if not self._lines:
            return None
        interval = int(elapsed_s / self._measured.width_s)
        lines = self._without_window
        if interval != self._interval:
            self._interval = interval
            self._measured.settle()
            lines = self._lines
        return broken_abort_line(lines, self._measured, elapsed_s)
