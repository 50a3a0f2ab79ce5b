"""Times over all percentiles up to p99.99, as far as there are calls enough to tell.

Times are milliseconds, of successful calls in judged stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from tokenswarm.metrics.call import GATEWAY, PROVIDER, SUCCESS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import ANY_ARM, Measurements
from tokenswarm.metrics.source import Selector

SPECTRA: Final = ("ttft", "icl", "latency")
# What is left above each percentile of a nine, in tenths of it: close enough for a smooth line.
_TAILS: Final = (10, 9, 8, 7, 6, 5, 4, 3, 2.5, 2, 1.5, 1.25)
PERCENTILES: Final = (
    *(round(100 - 10 * tail / 10**nine, 6) for nine in range(4) for tail in _TAILS),
    99.99,
)
_LEAST_CALLS: Final = 20  # fewer have no shape


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The times of one kind of call at as many of the `PERCENTILES` as its calls bear."""

    metric: str
    name: str
    count: int
    percentiles: tuple[float, ...]
    values_ms: tuple[float, ...]


class _Kind(NamedTuple):
    """What calls are told apart by."""

    arm: str
    prompt: str
    is_cached: bool


# name → which calls it is about; of all of them but the last, only those through the gateway
_PARTS: Final[Mapping[str, Callable[[_Kind], bool]]] = {
    "all calls": lambda kind: kind.arm == GATEWAY,
    "short prompts": lambda kind: kind.arm == GATEWAY and kind.prompt == "short",
    "medium prompts": lambda kind: kind.arm == GATEWAY and kind.prompt == "medium",
    "long prompts": lambda kind: kind.arm == GATEWAY and kind.prompt == "long",
    "from a cache": lambda kind: kind.arm == GATEWAY and kind.is_cached,
    "straight to the provider": lambda kind: kind.arm == PROVIDER,
}


def spectra_of(measurements: Measurements) -> tuple[Spectrum, ...]:
    """All calls first, then the parts that they fall into, if there are several."""
    return tuple(spectrum for metric in SPECTRA for spectrum in _of(metric, _by_kind(metric, measurements)))


def _by_kind(metric: str, measurements: Measurements) -> dict[_Kind, Histogram]:
    """Calls of each kind added up once, since each is in several parts."""
    found: dict[_Kind, Histogram] = {}
    for labels, histogram in measurements.parts(metric, Selector({"outcome": SUCCESS, "arm": ANY_ARM})):
        kind = _Kind(labels.arm or GATEWAY, labels.prompt, labels.cache == "hit")
        found.setdefault(kind, Histogram()).merge(histogram)
    return found


def _of(metric: str, by_kind: Mapping[_Kind, Histogram]) -> Iterator[Spectrum]:
    whole = 0
    for name, is_part in _PARTS.items():
        histogram = Histogram.merged(one for kind, one in by_kind.items() if is_part(kind))
        # A part that is the whole would draw the same line again.
        if histogram.count >= _LEAST_CALLS and histogram.count != whole:
            yield _spectrum(metric, name, histogram)
        whole = whole or histogram.count


def _spectrum(metric: str, name: str, histogram: Histogram) -> Spectrum:
    # Beyond these there is no call that could tell.
    known = tuple(p for p in PERCENTILES if (100 - p) * histogram.count >= 100 * (1 - 1e-9))
    quantiles = (histogram.quantile(p / 100) for p in known)
    values_ms = tuple(round(value * 1000, 3) for value in quantiles if value is not None)
    return Spectrum(metric, name, histogram.count, known, values_ms)
