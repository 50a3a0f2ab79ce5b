"""What a verdict asks of measurements, whoever holds them: our own series or a Locust CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the run, in seconds since its start; `end_s` is not part of it."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class StageSpan:
    """When a stage ran, as it really did: an interrupted run ends its last stage early."""

    name: str
    start_s: float
    end_s: float
    is_warmup: bool = False


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`avg`, `min`, `max`, `med`, `p`, `count`, `rate`, `value` or `slope`; `p` has a `percentile`, 0–100."""

    name: str
    percentile: float | None = None

    @property
    def quantile(self) -> float | None:
        """From 0 to 1, for the names that are quantiles."""
        if self.name == "med":
            return 0.5
        return None if self.percentile is None else self.percentile / 100

    def __str__(self) -> str:
        return self.name if self.percentile is None else f"p({self.percentile:g})"


@dataclass(frozen=True, slots=True)
class Selector:
    """Which calls a figure is about: label → value, `stage` among them.

    No `stage` means all stages but warm-ups. No `outcome` means successful calls for the metrics
    that the catalogue marks so, and all that ended for the others; `outcome: all` lifts it. No `arm`
    means calls through the gateway; `arm: all` is both arms.
    """

    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure. Times are seconds, shares from 0 to 1.

    `value` None means that there is none, and `reason` says why. `low` and `high` bound the true
    value where the source rounds; both equal `value` where it doesn't.
    """

    value: float | None
    samples: int = 0
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @classmethod
    def exact(cls, value: float, samples: int) -> Reading:
        """A figure without a rounding band."""
        return cls(value, samples, value, value)

    @classmethod
    def absent(cls, reason: str, samples: int = 0) -> Reading:
        """No figure, and why."""
        return cls(None, samples, reason=reason)


class Source(Protocol):
    """Something that thresholds can be judged against."""

    @property
    def stages(self) -> Sequence[StageSpan]:
        """The stages that ran, in order; empty where unknown."""

    def read(
        self, metric: str, aggregation: Aggregation, selector: Selector, span: Span | None = None
    ) -> Reading:
        """One figure, over the whole run's judged stages or the given span."""

    def resolution_s(self) -> float | None:
        """The width of one interval; None where nothing is known over time."""
