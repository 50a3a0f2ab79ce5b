"""Lines of a run folder's files, checked: what no run writes must reach no sum, no chart and no report.

Rubbish raises KeyError, TypeError or ValueError, and costs its own line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.series import Delta, Labels

_LARGEST: Final = 1e15  # a petabyte in bytes, and more calls than any client makes
_MOST_INTERVALS: Final = 1_000_000  # eleven days of seconds; longer runs have wider intervals
# What events tell in numbers and in lists, by event; and what one can't do without. The rest may be anything.
_NUMBERS: Final[Mapping[str, Sequence[str]]] = {
    "calls_missing": ("calls", "made"),
    "drained": ("rejected_reports", "strangers", "undrained", "workers_lost"),
    "influx": ("dropped", "sent"),
    "monitor_ended": ("failed", "readings"),
    "prompts": ("distinct", "sent"),
    "started": ("monotonic_s",),
    "worker_lost": ("calls", "reported_s"),
}
_LISTS: Final[Mapping[str, Sequence[str]]] = {"monitor_ended": ("notes", "unseen")}
_NEEDED: Final[Mapping[str, Sequence[str]]] = {"prompts": ("sent", "distinct", "is_estimate")}


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One line of events.jsonl."""

    at_s: float
    name: str
    details: Mapping[str, Any]


def delta_of(row: Mapping[str, Any]) -> Delta:
    """A line of intervals.jsonl."""
    delta = Delta.from_wire(row)
    if not 0 < delta.width_s <= _LARGEST:
        raise ValueError(f"an interval of {delta.width_s} s")
    for key, series in delta.series.items():
        if not 0 <= key.interval <= _MOST_INTERVALS:
            raise ValueError(f"interval {key.interval}")
        if not _are_texts(key.labels):
            raise TypeError("a label that is no text")
        _check(series.counts.values())
    for fault in delta.faults.values():
        _check((fault.count, fault.first_s, fault.last_s))
    return delta


def sample_of(row: Mapping[str, Any], width_s: float) -> Sample:
    """A line of samples.jsonl; `width_s` is that of the run's intervals."""
    sample = Sample(float(row["at_s"]), str(row["source"]), str(row["name"]), float(row["value"]))
    _check((sample.value,))
    _check_time(sample.at_s, width_s)
    return sample


def event_of(row: Mapping[str, Any], width_s: float) -> RunEvent:
    """A line of events.jsonl."""
    details = {name: value for name, value in row.items() if name not in ("at_s", "event")}
    event = RunEvent(float(row["at_s"]), str(row["event"]), details)
    _check_time(event.at_s, width_s)
    told = (details.get(name) for name in _NUMBERS.get(event.name, ()))
    _check(number for number in told if number is not None)
    for name in _LISTS.get(event.name, ()):
        if not isinstance(details.get(name, []), list):
            raise TypeError(f"{name} is no list")
    lacking = [name for name in _NEEDED.get(event.name, ()) if details.get(name) is None]
    if lacking:
        raise KeyError(lacking[0])
    return event


def _check(numbers: Iterable[float]) -> None:
    # No comparison with NaN holds.
    if not all(-_LARGEST <= number <= _LARGEST for number in numbers):
        raise ValueError("a number beyond all measure")


def _check_time(at_s: float, width_s: float) -> None:
    if not abs(at_s) <= _MOST_INTERVALS * width_s:
        raise ValueError(f"{at_s} s into the run")


@lru_cache(maxsize=4096)
def _are_texts(labels: Labels) -> bool:
    return all(isinstance(label, str) for label in labels)
