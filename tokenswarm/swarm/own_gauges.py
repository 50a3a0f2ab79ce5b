"""What a run has to show of itself from time to time: users, open WebSockets, the CPU of its processes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.interval import MOST_INTERVALS
from tokenswarm.swarm.load import Load
from tokenswarm.swarm.plan import RunPlan
from tokenswarm.swarm.roster import Roster

_MOST_CPU_SAMPLES: Final = 30_000  # 85 bytes each


class OwnGauges:
    """Reads each at most once an interval, which keeps the run folder bounded."""

    def __init__(self, plan: RunPlan, roster: Roster, take: Callable[[Sample], object]) -> None:
        self._plan = plan
        self._roster = roster
        self._take = take
        self._interval = -1  # the last one that was read in

    def read(self, at_s: float, users: int, load: Load | None) -> None:
        """Have all taken that are due; `load` is that of this process, if it has users."""
        interval = int(at_s / self._plan.width_s)
        if at_s < 0 or interval == self._interval:
            return
        self._interval = interval
        self._take(Sample(at_s, "master", "users", users))
        if load is not None:
            self._roster.local.cores, self._roster.local.sockets = load.cpu.read(), load.sockets.open
        if self._plan.target.is_socket:
            sockets = sum(worker.sockets for worker in self._roster)
            self._take(Sample(at_s, "master", "ws_open", sockets))
        if interval % math.ceil(len(self._roster) * MOST_INTERVALS / _MOST_CPU_SAMPLES or 1):
            return  # with hundreds of workers, not all of them in every interval
        for worker in self._roster:
            if worker.cores is not None and not worker.is_lost:
                self._take(Sample(at_s, worker.name, "generator_cpu", round(worker.cores, 3)))
