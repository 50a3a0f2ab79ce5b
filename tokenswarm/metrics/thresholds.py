"""A threshold line, checked and ready to be judged, and what comes of judging it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tokenswarm.metrics.catalogue import DEFAULT_AGGREGATION, METRICS
from tokenswarm.metrics.source import Aggregation
from tokenswarm.metrics.threshold_grammar import Expression, Subject
from tokenswarm.metrics.units import Quantity, quantity_of


class Status(StrEnum):
    """What became of a line."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not_measured"


GRADES: Final = {Status.PASS: "good", Status.WARN: "warning", Status.FAIL: "critical"}


@dataclass(frozen=True, slots=True)
class Level:
    """One limit of a line, and what breaking it means."""

    name: str  # "threshold", or "slo" and "sla"
    expression: Expression
    on_breach: Status

    def limit(self, subject: Subject) -> float:
        """The limit in seconds, bytes, a share from 0 to 1 …"""
        aggregation = aggregation_of(subject, self.expression)
        quantity = quantity_of(METRICS[subject.metric], aggregation.name)
        return quantity.to_base(self.expression.limit.number, self.expression.limit.unit)


@dataclass(frozen=True, slots=True)
class Threshold:
    """One checked line. `levels` go from the strictest to the most severe; all ask for the same figure."""

    subject: Subject
    levels: tuple[Level, ...]
    abort: bool = False
    abort_after_s: float = 0.0
    min_samples: int = 0
    if_measured: bool = False
    origin: str = ""  # the file that states it

    @property
    def aggregation(self) -> Aggregation:
        """The figure that is judged."""
        return aggregation_of(self.subject, self.levels[0].expression)

    @property
    def quantity(self) -> Quantity:
        """What that figure measures."""
        return quantity_of(METRICS[self.subject.metric], self.aggregation.name)

    @property
    def is_tiered(self) -> bool:
        """Whether beyond SLO is a warning and beyond SLA a failure."""
        return len(self.levels) > 1

    @property
    def text(self) -> str:
        """The line as its author would write it."""
        if not self.is_tiered:
            return f"{self.subject}: {self.levels[0].expression}"
        return f"{self.subject}: " + ", ".join(f"{level.name} {level.expression}" for level in self.levels)


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """One line judged. Value, limit and margin are in base units: seconds, bytes, shares from 0 to 1.

    `limit` is that of the level broken, or of the strictest when none is. A positive `margin` is room
    left; `margin_share` is it as a share of the limit, or of what a limit of 90 % or more lets fail.
    With a window, `value` is the worst one's.
    `first_breach_s` is when a judge who watched the run would have known, in seconds since its start.
    """

    threshold: Threshold
    status: Status
    limit: float
    value: float | None = None
    margin: float | None = None
    margin_share: float | None = None
    samples: int = 0
    first_breach_s: float | None = None
    reason: str = ""
    note: str = ""

    @property
    def grade(self) -> str:
        """`good`, `warning` or `critical`; empty when it can't be told."""
        return GRADES.get(self.status, "")


def aggregation_of(subject: Subject, expression: Expression) -> Aggregation:
    """The aggregation asked for, or the metric's own."""
    return expression.aggregation or Aggregation(DEFAULT_AGGREGATION[METRICS[subject.metric].kind])
