"""What figures are called at Prometheus, by its conventions: with their unit, counters with `_total`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind

PREFIX: Final = "tokenswarm_"
UNITS: Final[Mapping[str, str]] = {"s": "_seconds", "B": "_bytes", "cores": "_cores"}
_TOTAL: Final = "_total"
_OF_HISTOGRAM: Final = ("_bucket", "_sum", "_count")


def family_of(name: str) -> str:
    """The family that a metric's series belong to."""
    metric = METRICS[name]
    # A counter's family has no unit of ours: the end of its name says what it counts.
    end = _TOTAL if metric.kind is Kind.COUNTER else UNITS.get(metric.unit, "")
    return f"{PREFIX}{name.removesuffix(end)}{end}"


def series_of(name: str) -> tuple[str, ...]:
    """What the lines of a metric's series begin with."""
    family = family_of(name)
    if METRICS[name].kind in (Kind.TIME, Kind.AMOUNT):
        return tuple(f"{family}{end}" for end in _OF_HISTOGRAM)
    return (family,)
