"""What a delta that came over a wire may say: nobody at the other end can fill our memory or break our sums.

`checked_delta` reads one whole or not at all. `LabelBound` is for what passes it and is still too much: a
target (or a forger) that makes up a new provider for each call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from tokenswarm.metrics.call import ARMS, CACHE_ARMS, DROPPED, OUTCOMES
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Fault, FaultKey, Labels, Series, SeriesKey

OTHER: Final = "other"
MERGED_LABELS: Final = "merged_labels"  # counts calls that could not keep their labels
MOST_LABEL_SETS: Final = 500  # of a run; a plain one has two dozen, one with several models a hundred
_MOST_SERIES: Final = 5_000  # of one delta, which holds the last second or two
_MOST_FAULTS: Final = 400
_MOST_NAMES: Final = 500  # counters and histograms of one series
_LONGEST_NAME: Final = 300
_LONGEST_LABEL: Final = 100
_LONGEST_MESSAGE: Final = 2_000
_LARGEST: Final = 1e15
# Labels whose values we choose ourselves; the others' come from profiles and targets.
_CLOSED: Final[Mapping[str, Set[str]]] = {
    "stream": frozenset({"", "true", "false"}),
    "arm": frozenset({"", *ARMS}),
    "outcome": frozenset({"", *OUTCOMES}),
    "cache_arm": frozenset({"", *CACHE_ARMS}),
}
# Given up first where there are too many label sets: what the target says of itself.
_SAID_BY_TARGET: Final = ("status", "cache", "cache_layer", "provider")
_FAULTS: Final = frozenset({*OUTCOMES, DROPPED})


class DeltaError(ValueError):
    """The delta can't be taken; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DeltaBounds:
    """What a run allows."""

    stages: Set[str]
    width_s: float | None = None  # of intervals; None for any


def checked_delta(wire: Any, bounds: DeltaBounds, latest_s: float = math.inf) -> Delta:
    """The delta that `Delta.to_wire` wrote; DeltaError for any other thing, whatever it is.

    `latest_s` is a time of the run after which nothing in it can have been measured.
    """
    if not isinstance(wire, dict):
        raise DeltaError(f"a delta is a map, not {type(wire).__name__}")
    for part, most in (("series", _MOST_SERIES), ("faults", _MOST_FAULTS)):
        rows = wire.get(part)
        if not isinstance(rows, list) or len(rows) > most:
            raise DeltaError(f"{part}: need a list of at most {most}")
    if not isinstance(wire.get("histograms"), bytes):
        raise DeltaError("histograms: need bytes")  # a text would be inflated
    try:
        delta = Delta.from_wire(wire)
        _check(delta, bounds, latest_s)
    except DeltaError:
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DeltaError(f"not what a worker writes: {error!r:.200}") from None
    return delta


def _check(delta: Delta, bounds: DeltaBounds, latest_s: float) -> None:
    _check_number("width_s", delta.width_s, least=0.001)
    if bounds.width_s not in (None, delta.width_s):
        raise DeltaError(f"intervals of {delta.width_s:g} s in a run with {bounds.width_s:g} s")
    for key, series in delta.series.items():
        if not 0 <= key.interval * delta.width_s <= latest_s:
            raise DeltaError(f"something from interval {key.interval:.3g}, which has not begun")
        if key.stage not in bounds.stages:
            raise DeltaError(f"no stage of this run is called {key.stage!r:.80}")
        _check_labels(key.labels)
        _check_series(series)
    for fault_key, fault in delta.faults.items():
        _check_fault(fault_key, fault)


def _check_labels(labels: Labels) -> None:
    for name, value in labels._asdict().items():
        if not isinstance(value, str) or len(value) > _LONGEST_LABEL:
            raise DeltaError(f"label {name}: need a text of at most {_LONGEST_LABEL} characters")
        if value not in _CLOSED.get(name, {value}):
            raise DeltaError(f"label {name}: {value!r} is none of its values")


def _check_series(series: Series) -> None:
    if len(series.counts) + len(series.values) > _MOST_NAMES:
        raise DeltaError(f"more than {_MOST_NAMES} counters in one series")
    for name, count in series.counts.items():
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            raise DeltaError(f"a counter's name has at most {_LONGEST_NAME} characters")
        # Parts of times may be a little less than nothing.
        _check_number(name, count, least=-_LARGEST)
        if name == "calls" and (count < 0 or count != int(count)):
            raise DeltaError(f"calls: got {count}, need a whole number")
    for name, histogram in series.values.items():
        if name not in METRICS:
            raise DeltaError(f"no metric is called {name!r:.80}")
        _check_histogram(name, histogram)


def _check_histogram(name: str, histogram: Histogram) -> None:
    _check_number(name, histogram.count)
    if not histogram.count:
        raise DeltaError(f"{name}: a histogram of nothing")
    for value in (histogram.total, histogram.low, histogram.high):
        _check_number(name, value, least=-_LARGEST)
    if histogram.low > histogram.high:
        raise DeltaError(f"{name}: the least value is above the greatest")


def _check_number(name: str, value: Any, least: float = 0.0) -> None:
    # A bool is an int to Python, and NaN compares false with everything.
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _LARGEST:
        raise DeltaError(f"{name:.80}: got {value!r:.80}, need a number from {least:g} to {_LARGEST:g}")


def _check_fault(key: FaultKey, fault: Fault) -> None:
    if key.outcome not in _FAULTS or not 0 <= key.status <= 999 or key.arm not in ARMS:
        raise DeltaError(f"a failure of {key.outcome!r:.80} with status {key.status!r:.20}")
    if len(key.message) > _LONGEST_MESSAGE:
        raise DeltaError(f"a failure with a message of more than {_LONGEST_MESSAGE} characters")
    for value in (fault.count, fault.first_s, fault.last_s):
        _check_number("a failure", value, least=-_LARGEST)


class LabelBound:
    """Keeps a run's label sets at MOST_LABEL_SETS; what is beyond is put together under `other`."""

    def __init__(self) -> None:
        self._known: set[Labels] = set()

    def apply(self, delta: Delta) -> Delta:
        """The same measurements, with labels that the run has room for; the others' calls are counted."""
        if all(key.labels in self._known for key in delta.series):
            return delta
        bounded = replace(delta, series={})
        for key, series in delta.series.items():
            own = SeriesKey(key.interval, key.stage, self._room_for(key.labels))
            kept = bounded.series.setdefault(own, Series())
            kept.merge(series)
            if own != key:
                kept.merge(Series({MERGED_LABELS: series.counts.get("calls", 0)}))
        return bounded

    def _room_for(self, labels: Labels) -> Labels:
        if labels in self._known:
            return labels
        if len(self._known) < MOST_LABEL_SETS:
            self._known.add(labels)
            return labels
        coarser = labels._replace(**{name: OTHER for name in _SAID_BY_TARGET if getattr(labels, name)})
        if coarser in self._known or len(self._known) < 2 * MOST_LABEL_SETS:
            self._known.add(coarser)
            return coarser
        return labels._replace(
            **{name: OTHER for name, value in labels._asdict().items() if value and name not in _CLOSED}
        )
