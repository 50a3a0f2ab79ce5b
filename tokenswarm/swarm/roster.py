"""Who takes part in a run, by name, and what has come of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tokenswarm.metrics.series import Delta

LOCAL: Final = "local"  # the users of this process, as if they were a worker's


@dataclass(slots=True)
class Worker:
    """A worker process as its master knows it; times are seconds since the run's start."""

    name: str  # worker-1 …
    where: str = ""  # its host and address
    calls: int = 0  # that it reported
    reported_s: float | None = None  # its last report
    cores: float | None = None  # CPU, as it last said
    sockets: int = 0
    last_call_s: float = 0.0
    is_lost: bool = False
    rejected: int = 0  # messages of its that could not be taken
    problem: str = ""  # of the first of them

    def facts(self) -> dict[str, Any]:
        """For an event that is about this worker."""
        known = {"worker": self.name, "where": self.where, "calls": self.calls}
        return known if self.reported_s is None else {**known, "reported_s": round(self.reported_s, 3)}


class Roster:
    """Workers by Locust's client id. Local users are one more worker, called LOCAL."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def __contains__(self, client_id: str) -> bool:
        return client_id in self._workers

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers.values())

    def __len__(self) -> int:
        return len(self._workers)

    def add(self, client_id: str, name: str, where: str = "") -> Worker:
        """A worker that has come."""
        worker = self._workers[client_id] = Worker(name, where)
        return worker

    def find(self, client_id: str) -> Worker | None:
        """The worker, if it has come."""
        return self._workers.get(client_id)

    @property
    def local(self) -> Worker:
        """The users of this process; KeyError if it has none."""
        return self._workers[LOCAL]

    def absent(self, present: set[str]) -> list[Worker]:
        """Those that were not lost before, and are not present."""
        return [w for id_, w in self._workers.items() if id_ not in present and not w.is_lost]

    def back(self, present: set[str]) -> list[Worker]:
        """Those that were lost, and are present."""
        return [w for id_, w in self._workers.items() if id_ in present and w.is_lost]

    @property
    def lost(self) -> int:
        """How many are lost now."""
        return sum(worker.is_lost for worker in self)

    @property
    def rejected(self) -> int:
        """Messages that could not be taken."""
        return sum(worker.rejected for worker in self)


def calls_in(delta: Delta) -> int:
    """How many calls a delta counts."""
    return int(sum(series.counts.get("calls", 0) for series in delta.series.values()))
