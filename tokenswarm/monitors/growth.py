"""By how much counters of a target grew between two readings, whatever restarts between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from tokenswarm.monitors.exposition import Family, LabelSet, bound_of

_POINTS: Final = 10  # that a bucket is spread to


def increase(before: Mapping[LabelSet, float], now: Mapping[LabelSet, float]) -> float:
    """The sum over all series; one that is less than before began anew, one that is new began at 0."""
    return sum(
        _grown(before.get(labels, 0.0), value) for labels, value in now.items() if math.isfinite(value)
    )


def _grown(before: float, now: float) -> float:
    return now - before if now >= before else now


def matching(samples: Mapping[LabelSet, float], labels: Mapping[str, str]) -> dict[LabelSet, float]:
    """The series that have these labels."""
    wanted = labels.items()
    return {own: value for own, value in samples.items() if wanted <= dict(own).items()}


class Spread:
    """What a histogram's buckets say of the calls between two readings: values, and how many of each."""

    def __init__(self, values: dict[float, int], total: float) -> None:
        self.values = values
        self.total = total  # exact: it is the sum's increase

    @property
    def count(self) -> int:
        return sum(self.values.values())


def spread_between(before: Family | None, now: Family, labels: Mapping[str, str], factor: float) -> Spread:
    """Calls between two readings of one histogram, in seconds.

    Within a bucket they are laid evenly, as `histogram_quantile` does; beyond the last bound they lie on it.
    """

    def part(family: Family | None, name: str) -> dict[LabelSet, float]:
        return matching(family.samples.get(name, {}), labels) if family is not None else {}

    cumulative: dict[float, float] = {}
    earlier = part(before, "_bucket")
    for own, value in part(now, "_bucket").items():
        bound, _ = bound_of(own)
        if not math.isnan(bound) and math.isfinite(value):
            cumulative[bound] = cumulative.get(bound, 0.0) + _grown(earlier.get(own, 0.0), value)
    values: dict[float, int] = {}
    low = below = 0.0
    for bound in sorted(cumulative):
        calls = round(cumulative[bound] - below)
        below = max(below, cumulative[bound])
        high = bound if math.isfinite(bound) else low
        points = max(1, min(calls, _POINTS)) if high > low else 1
        for i in range(points):
            # As many to each point as there are, the rest to the first ones.
            here = calls // points + (i < calls % points)
            if here > 0:
                at = (low + (high - low) * (i + 0.5) / points) * factor
                values[at] = values.get(at, 0) + here
        low = high
    return Spread(values, increase(part(before, "_sum"), part(now, "_sum")) * factor)
