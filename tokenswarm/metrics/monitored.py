"""Which times monitors have read: some have names of the user's own, which no catalogue lists."""

from __future__ import annotations

from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.measurements import Measurements


def is_monitored(name: str) -> bool:
    """Whether monitors feed it; false for a name that we don't know."""
    metric = METRICS.get(name)
    return metric is not None and metric.is_monitored


def monitored_times(measurements: Measurements) -> list[str]:
    """Names of the times that monitors read, in order."""
    names: set[str] = set()
    for _, series in measurements.each():
        names.update(series.values)
    return sorted(filter(is_monitored, names))
