"""Measurements of all workers, added up on the node that runs the test."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tokenswarm.metrics.delta_bounds import DeltaBounds, LabelBound, checked_delta
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import StageSpan
from tokenswarm.swarm.abort_watch import AbortWatch
from tokenswarm.swarm.recent import Recent
from tokenswarm.swarm.recorder import Recorder

DELTA: Final = "tokenswarm_delta"  # our key in Locust's report from worker to master
_MOMENT_S: Final = 0.25
_WHOLE_RUN_S: Final = 1e9  # one interval: the master keeps totals by stage, the run folder keeps time


class Merge:
    """Totals by stage, the last seconds, and the run folder if there is one.

    A thousand workers report every few milliseconds, so what arrives within a moment is added up first,
    and only the sum goes everywhere.
    """

    def __init__(
        self,
        stages: Sequence[StageSpan],
        recorder: Recorder | None = None,
        abort_watch: AbortWatch | None = None,
        width_s: float | None = None,
    ) -> None:
        """`width_s` is the width of workers' intervals, None if any will do."""
        self._bounds = DeltaBounds(frozenset(stage.name for stage in stages), width_s)
        self._labels = LabelBound()
        self._totals = Measurements(stages, _WHOLE_RUN_S)
        self._recorder = recorder
        self._abort_watch = abort_watch
        self._recent = Recent()
        self.on_delta: Callable[[Delta], None] | None = None  # one more who keeps something of it
        self._arrived: Delta | None = None
        self._arrived_at_s = 0.0  # the last of it
        self._passed_on_at_s = 0.0

    def absorb(self, delta: Delta, elapsed_s: float) -> None:
        """Add a delta that arrived `elapsed_s` after the run's start."""
        if self._arrived is not None and self._arrived.width_s != delta.width_s:
            self.pass_on()
        if self._arrived is None:
            self._arrived = Delta(delta.width_s)
        self._arrived.absorb(self._labels.apply(delta))
        self._arrived_at_s = elapsed_s
        if elapsed_s - self._passed_on_at_s >= _MOMENT_S:
            self.pass_on()

    def pass_on(self) -> None:
        """Give what arrived to everyone who keeps something of it."""
        delta, self._arrived = self._arrived, None
        self._passed_on_at_s = self._arrived_at_s
        if delta is None:
            return
        self._totals.absorb(delta)
        if self._recorder is not None:
            self._recorder.absorb(delta)
        if self._abort_watch is not None:
            self._abort_watch.absorb(delta)
        self._recent.absorb(delta, self._arrived_at_s)
        if self.on_delta is not None:
            self.on_delta(delta)

    @property
    def totals(self) -> Measurements:
        """All that was measured so far, by stage."""
        self.pass_on()
        return self._totals

    def read_report(self, data: Mapping[str, Any], latest_s: float = math.inf) -> Delta | None:
        """What a worker's report carries, DeltaError if that can't be taken.

        Nothing in it can have been measured later than `latest_s` after the run's start.
        """
        wire = data.get(DELTA)
        return None if wire is None else checked_delta(wire, self._bounds, latest_s)

    def recent(self, elapsed_s: float) -> Measurements:
        """What was reported within the last seconds, warm-ups included."""
        self.pass_on()
        return self._recent.at(elapsed_s)
