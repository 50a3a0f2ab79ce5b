"""How a run stands at one moment, for whoever watches it: a web page, a scrape, a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.thresholds import Status, ThresholdResult

RUNNING: Final = "running"
DRAINING: Final = "draining"
ENDED: Final = "ended"

# For databases and dashboards, which compare numbers.
STATE_NUMBERS: Final[Mapping[Status, int]] = {
    Status.PASS: 0,
    Status.WARN: 1,
    Status.FAIL: 2,
    Status.INCONCLUSIVE: -1,
    Status.NOT_MEASURED: -1,
}


@dataclass(frozen=True, slots=True)
class WorkerStanding:
    """A load generator as it last reported."""

    name: str
    cores: float | None
    calls: int
    sockets: int
    is_lost: bool


@dataclass(frozen=True, slots=True)
class MonitorStanding:
    """What a monitor has read of the target, by metric; its times are among the run's totals."""

    name: str  # what reports call it
    problem: str  # why it can't be read now; "" if it can
    gauges: Mapping[str, float]  # as last read; none while it can't be
    counters: Mapping[str, float]  # by how much each has grown since it was first read
    per_s: Mapping[str, float]  # how fast counters grew between the last two readings


@dataclass(frozen=True, slots=True)
class Standing:
    """The measurements are the run's own and go on growing: read them before anything else runs."""

    run: str
    profile: str
    target: str
    scenario: str
    model: str
    state: str  # RUNNING, DRAINING or ENDED
    stage: str  # "" before the first and after the last
    elapsed_s: float
    total_s: float
    users: int
    workers: tuple[WorkerStanding, ...]
    totals: Measurements  # by stage since the start, warm-ups included
    recent: Measurements  # of the last seconds, in one stage
    thresholds: tuple[ThresholdResult, ...]  # lines with a window are judged at the end, and not among them
    monitors: tuple[MonitorStanding, ...] = ()

    @property
    def sockets(self) -> int:
        """WebSockets that are open."""
        return sum(worker.sockets for worker in self.workers if not worker.is_lost)
