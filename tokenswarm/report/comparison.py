"""The model of one run held against another, alone or as a part of a report.

A change is a share of the base's value and has its sign: +0.25 is a quarter more, better or worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CompareOutcome(StrEnum):
    """What became of a comparison."""

    REGRESSED = "regressed"  # exit 99: a limit is exceeded
    HOLDS = "no regression"  # exit 0
    INDICATIVE = "indicative"  # exit 111: a limit is exceeded, but the runs are not alike
    INCONCLUSIVE = "inconclusive"  # exit 111: a limit can't be judged that was asked for, or none at all


@dataclass(frozen=True, slots=True)
class Difference:
    """Something besides its figures in which one run is not like the other."""

    what: str  # profile, machine, tool or verdict
    name: str
    base: str
    current: str

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.what} {self.name}: {self.base or 'none'} before, {self.current or 'none'} now"


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure in both runs; milliseconds for times, else base units. None where it was not measured."""

    key: str  # as options name it: latency:p95, success_rate
    metric: str
    figure: str
    group: str  # all, or prompt, streaming, stage …
    name: str
    base: float | None
    current: float | None
    base_text: str
    current_text: str
    change: float | None  # None, too, where the base is 0
    change_text: str
    limit: float | None  # how much worse it may get; None if it isn't judged
    limit_text: str
    state: str  # regressed, holds, unknown, or empty without a limit
    reason: str = ""  # of unknown


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it."""

    outcome: CompareOutcome
    exit_code: int
    sentence: str
    base: str
    current: str
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    rows: tuple[ComparedRow, ...]

    @property
    def judged(self) -> tuple[ComparedRow, ...]:
        """The rows with a limit, the gravest first."""
        order = ("regressed", "unknown", "holds")
        judged = (row for row in self.rows if row.state)
        return tuple(sorted(judged, key=lambda row: order.index(row.state)))

    @property
    def totals(self) -> tuple[ComparedRow, ...]:
        """Figures of the whole run that are no times."""
        return tuple(row for row in self.rows if not row.figure)

    @property
    def times(self) -> tuple[ComparedRow, ...]:
        """Times of all calls, or of groups of them."""
        return tuple(row for row in self.rows if row.figure)
