"""Times over all percentiles up to p99.99, as far as there are calls enough to tell.

Times are milliseconds, of successful calls in judged stages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.call import GATEWAY, PROVIDER, SUCCESS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Labels
from tokenswarm.metrics.source import Selector

SPECTRA: Final = ("ttft", "icl", "latency")
# What is left above each percentile of a nine, in tenths of it: close enough for a smooth line.
_TAILS: Final = (10, 9, 8, 7, 6, 5, 4, 3, 2.5, 2, 1.5, 1.25)
PERCENTILES: Final = (
    *(round(100 - 10 * tail / 10**nine, 6) for nine in range(4) for tail in _TAILS),
    99.99,
)
_LEAST_CALLS: Final = 20  # fewer have no shape
# name → which calls it is about, where they are told apart
_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "short prompts": {"prompt": "short"},
    "medium prompts": {"prompt": "medium"},
    "long prompts": {"prompt": "long"},
    "from a cache": {"cache": "hit"},
    "straight to the provider": {"arm": PROVIDER},
}


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The times of one kind of call at as many of the `PERCENTILES` as its calls bear."""

    metric: str
    name: str
    count: int
    percentiles: tuple[float, ...]
    values_ms: tuple[float, ...]


def spectra_of(measurements: Measurements) -> tuple[Spectrum, ...]:
    """All calls first, then the parts that they fall into, if there are several."""
    return tuple(spectrum for metric in SPECTRA for spectrum in _of(metric, measurements))


def _of(metric: str, measurements: Measurements) -> Iterator[Spectrum]:
    whole = measurements.histogram(metric, Selector())
    if whole.count < _LEAST_CALLS:
        return
    yield _spectrum(metric, "all calls", whole)
    for name, histogram in _parts(metric, measurements).items():
        # A part that is the whole would draw the same line again.
        if histogram.count >= _LEAST_CALLS and (histogram.count < whole.count or PROVIDER in name):
            yield _spectrum(metric, name, histogram)


def _parts(metric: str, measurements: Measurements) -> dict[str, Histogram]:
    found = {name: Histogram() for name in _PARTS}
    for key, series in measurements.select(Selector({"outcome": SUCCESS, "arm": "all"})):
        own = series.values.get(metric)
        if own is None:
            continue
        for name, labels in _PARTS.items():
            if _is_part(key.labels, labels):
                found[name].merge(own)
    return found


def _is_part(labels: Labels, wanted: Mapping[str, str]) -> bool:
    arm = wanted.get("arm", GATEWAY)
    return (labels.arm or GATEWAY) == arm and all(
        getattr(labels, name) == value for name, value in wanted.items() if name != "arm"
    )


def _spectrum(metric: str, name: str, histogram: Histogram) -> Spectrum:
    # Beyond these there is no call that could tell.
    known = tuple(p for p in PERCENTILES if (100 - p) * histogram.count >= 100 * (1 - 1e-9))
    quantiles = (histogram.quantile(p / 100) for p in known)
    values_ms = tuple(round(value * 1000, 3) for value in quantiles if value is not None)
    return Spectrum(metric, name, histogram.count, known, values_ms)
