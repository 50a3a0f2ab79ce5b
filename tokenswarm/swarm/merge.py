"""Measurements of all workers, added up on the node that runs the test."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import StageSpan
from tokenswarm.swarm.recent import Recent
from tokenswarm.swarm.recorder import Recorder

DELTA: Final = "tokenswarm_delta"  # our key in Locust's report from worker to master
_WHOLE_RUN_S: Final = 1e9  # one interval: the master keeps totals by stage, the run folder keeps time

logger = logging.getLogger(__name__)


class Merge:
    """Totals by stage, the last seconds, and the run folder if there is one."""

    def __init__(self, stages: Sequence[StageSpan], recorder: Recorder | None) -> None:
        self.totals = Measurements(stages, _WHOLE_RUN_S)
        self.rejected = 0
        self._recorder = recorder
        self._recent = Recent()

    def absorb(self, delta: Delta, elapsed_s: float) -> None:
        """Add a delta that arrived `elapsed_s` after the run's start."""
        self.totals.absorb(delta)
        if self._recorder is not None:
            self._recorder.absorb(delta)
        self._recent.absorb(delta, elapsed_s)

    def read_report(self, data: Mapping[str, Any]) -> Delta | None:
        """What a worker's report carries. One that can't be read is counted: the run is not whole."""
        wire = data.get(DELTA)
        if wire is None:
            return None
        try:
            return Delta.from_wire(wire)
        except (KeyError, TypeError, ValueError):
            self.rejected += 1
            logger.exception("a worker's report can't be read: is its tokenswarm another version?")
            return None

    def recent(self, elapsed_s: float) -> Measurements:
        """What was reported within the last seconds, warm-ups included."""
        return self._recent.at(elapsed_s)
