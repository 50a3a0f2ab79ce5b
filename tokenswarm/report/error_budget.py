"""How much of the errors that an SLO allows was spent, over all runs, the last 30 and the last 7 days.

    allowed = (1 − objective) × calls        spent = calls that broke the objective ÷ allowed

Runs of one window add up by their calls; a run that can't be trusted is in none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tokenswarm.errors import TokenswarmError
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.report.figure_key import FigureKey
from tokenswarm.report.past_runs import PastRun

WINDOWS: Final = (
    ("all runs", None),
    ("last 30 days", timedelta(days=30)),
    ("last 7 days", timedelta(days=7)),
)
# Metric → whether it counts what went wrong, or what went well.
_SHARES_OF_BAD: Final = {"error_rate": True, "availability": False, "success_rate": False}
_NOTHING: Final = {"name": "locust", "stages": [{"name": "run", "duration": "1s", "users": 1}]}


@dataclass(frozen=True, slots=True)
class Budget:
    """One objective over one window that ends with the newest run."""

    objective: str  # as the SLO states it: `error_rate < 0.5%`
    window: str
    runs: int
    calls: int
    bad: float
    allowed: float

    @property
    def spent(self) -> float:
        """1 is all of it; infinite where nothing was allowed and something broke."""
        if self.allowed:
            return self.bad / self.allowed
        return float("inf") if self.bad else 0.0


def budgets_of(runs: Sequence[PastRun]) -> list[Budget]:
    """By the objectives of the newest run that has any."""
    trusted = [run for run in runs if run.is_trusted and FigureKey("requests") in run.recorded.figures]
    objectives = next((found for run in reversed(trusted) if (found := list(_objectives(run)))), [])
    budgets = []
    for objective in objectives:
        metric, share = objective.subject.metric, objective.levels[0].limit(objective.subject)
        allowed_share = share if _SHARES_OF_BAD[metric] else 1 - share
        for window, length in WINDOWS:
            inside = [run for run in trusted if length is None or run.at > trusted[-1].at - length]
            counted = [counts for run in inside if (counts := _counts(run, metric)) is not None]
            calls, bad = sum(c for c, _ in counted), sum(b for _, b in counted)
            stated = f"{metric} {objective.levels[0].expression}"
            budgets.append(Budget(stated, window, len(counted), calls, bad, allowed_share * calls))
    return budgets


def _objectives(run: PastRun) -> Iterator[Threshold]:
    """Lines about all calls of the run, by their strictest tier."""
    configuration = run.recorded.configuration
    try:
        profile = Profile.from_resolved(configuration.get("profile") or _NOTHING)
        slo = Slo.from_resolved(configuration["slo"]) if configuration.get("slo") else None
        lines = thresholds_of(profile, slo)
    except (TokenswarmError, KeyError, TypeError):
        return  # of another version; the figures are still good
    for line in lines:
        level = line.levels[0]
        if line.subject.metric in _SHARES_OF_BAD and not line.subject.labels and not level.expression.window:
            yield line


def _counts(run: PastRun, metric: str) -> tuple[int, float] | None:
    figures = run.recorded.figures
    share = figures.get(FigureKey(metric))
    if share is None:
        return None
    calls = int(figures[FigureKey("requests")].value)
    return calls, calls * (share.value if _SHARES_OF_BAD[metric] else 1 - share.value)
