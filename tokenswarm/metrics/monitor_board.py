"""What monitors have read of the target so far, for whoever watches a run: no more than they show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.standing import MonitorStanding


@dataclass(slots=True)
class _Entry:
    """One monitor."""

    problem: str = ""
    gauges: dict[str, float] = field(default_factory=dict)
    grown: dict[str, float] = field(default_factory=dict)
    per_s: dict[str, float] = field(default_factory=dict)
    read_at_s: dict[str, float] = field(default_factory=dict)


class MonitorBoard:
    """Each monitor's last reading."""

    def __init__(self, monitors: Iterable[str]) -> None:
        """`monitors` are what they are called in messages and as the source of samples."""
        self._entries = {name: _Entry() for name in monitors}

    def take(self, sample: Sample) -> None:
        """A gauge's value, or a counter's growth since its sample before."""
        entry = self._entries.setdefault(sample.source, _Entry())
        if METRICS[sample.name].kind is not Kind.COUNTER:
            entry.gauges[sample.name] = sample.value
            return
        before_s = entry.read_at_s.get(sample.name)
        entry.read_at_s[sample.name] = sample.at_s
        entry.grown[sample.name] = entry.grown.get(sample.name, 0.0) + sample.value
        if before_s is not None and sample.at_s > before_s:
            entry.per_s[sample.name] = sample.value / (sample.at_s - before_s)

    def set_problem(self, monitor: str, problem: str) -> None:
        """Why a monitor can't be read any more; "" if it can again."""
        entry = self._entries.setdefault(monitor, _Entry())
        entry.problem = problem
        if problem:
            # They were true once. A dashboard would show them as if they still were.
            entry.gauges.clear()
            entry.per_s.clear()

    def standings(self) -> tuple[MonitorStanding, ...]:
        """All of them."""
        return tuple(
            MonitorStanding(name, entry.problem, dict(entry.gauges), dict(entry.grown), dict(entry.per_s))
            for name, entry in self._entries.items()
        )
