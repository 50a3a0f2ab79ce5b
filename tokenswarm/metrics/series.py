"""The unit in which measurements are kept, sent and added: one interval, one stage, one set of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tokenswarm.metrics.call import GATEWAY
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.sheet import deflated, inflated, most_bytes, pack, unpack


class Labels(NamedTuple):
    """What tells series apart within a stage; "" where a label doesn't apply."""

    # A NamedTuple: it is a dictionary key on the hot path, and hashes in C.
    scenario: str = ""
    prompt: str = ""
    stream: str = ""  # "true" or "false"
    arm: str = ""
    outcome: str = ""
    status: str = ""
    cache: str = ""
    cache_layer: str = ""
    provider: str = ""
    model: str = ""  # that was asked for
    cache_arm: str = ""  # why a test of a cache asked


NO_LABELS: Final = Labels()

# Counts that are no metrics, but what some of them are made of.
FALLBACK_TOLD: Final = "fallback_told"  # calls whose gateway said whether it fell back
FELL_BACK: Final = "fell_back"
PROMPT_CACHE_TOLD: Final = "prompt_cache_told"  # input tokens of calls whose provider told its cached ones
IMPLIED_MISSES: Final = "implied_misses"  # calls that were misses because nothing said otherwise
LATE_SHARES: Final = "late_shares"  # changes of who drives which arrivals that came too late
REPEATS: Final = "repeats"  # calls whose prompt was sent before
# Of a test of a cache: hits whose answer could be compared, and could not; questions asked only to fill it.
HITS_COMPARED: Final = "hits_compared"
HITS_UNKNOWABLE: Final = "hits_unknowable"
POOL_FILLED: Final = "pool_filled"
# Starts that the schedule had due, dropped ones included: counted by the open model only.
PLANNED_STARTS: Final = "planned_starts"
COMPRESSION_ASKED: Final = "compression_asked"
# Counts without labels: how often a rule about answers was asked and applied, and what `auto` found, and why.
RULE_ASKED: Final = "rule_asked"
RULE_MATCHED: Final = "rule_matched"
GATEWAY_FOUND: Final = "gateway_found"
ANSWERED_BY: Final = "answered_by"  # ANSWERED_BY/MODEL: who says it answered


class SeriesKey(NamedTuple):
    """Where a series belongs: `interval` × width is its start, in seconds since the run's start."""

    interval: int
    stage: str
    labels: Labels


@dataclass(slots=True)
class Series:
    """Counts and histograms of one key; two series of one key add up."""

    counts: dict[str, float] = field(default_factory=dict)
    values: dict[str, Histogram] = field(default_factory=dict)

    def merge(self, other: Series) -> None:
        """Add another series to this one."""
        counts, values = self.counts, self.values
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        for name, histogram in other.values.items():
            own = values.get(name)
            if own is None:
                own = values[name] = Histogram()
            own.merge(histogram)

    @classmethod
    def merged(cls, several: Sequence[Series]) -> Series:
        """The sum of all of them."""
        counts: dict[str, float] = {}
        values: dict[str, list[Histogram]] = {}
        for one in several:
            for name, count in one.counts.items():
                counts[name] = counts.get(name, 0) + count
            for name, histogram in one.values.items():
                values.setdefault(name, []).append(histogram)
        return cls(counts, {name: Histogram.merged(found) for name, found in values.items()})


# A target that answers each call with a new message must not fill our memory.
MAX_FAULTS: Final = 200
OTHER_FAULTS: Final = "other messages"


class FaultKey(NamedTuple):
    """What makes two failures the same row in a report."""

    outcome: str
    status: int
    message: str
    arm: str = GATEWAY


@dataclass(slots=True)
class Fault:
    """How often a failure came, and when; seconds since the run's start."""

    count: int
    first_s: float
    last_s: float
    request_id: str = ""  # of one such call, to look for in the gateway's log

    def merge(self, other: Fault) -> None:
        """Add another count of the same failure."""
        self.request_id = self.request_id or other.request_id
        self.count += other.count
        self.first_s = min(self.first_s, other.first_s)
        self.last_s = max(self.last_s, other.last_s)


def add_fault(faults: dict[FaultKey, Fault], key: FaultKey, fault: Fault) -> FaultKey:
    """Add a failure; beyond MAX_FAULTS different ones, messages are no longer told apart.

    Returns the key that it was added under.
    """
    if key not in faults and len(faults) >= MAX_FAULTS:
        key = key._replace(message=OTHER_FAULTS)
    known = faults.get(key)
    if known is None:
        faults[key] = Fault(fault.count, fault.first_s, fault.last_s, fault.request_id)
    else:
        known.merge(fault)
    return key


@dataclass(slots=True)
class Delta:
    """What was measured since the last delta; deltas of any worker, in any order, add up."""

    width_s: float
    series: dict[SeriesKey, Series] = field(default_factory=dict)
    faults: dict[FaultKey, Fault] = field(default_factory=dict)

    def absorb(self, other: Delta) -> None:
        """Add a delta of the same width; the other one stays as it is."""
        for key, series in other.series.items():
            own = self.series.get(key)
            if own is None:
                own = self.series[key] = Series()
            own.merge(series)
        for fault_key, fault in other.faults.items():
            self.add_fault(fault_key, fault)

    def add_fault(self, key: FaultKey, fault: Fault) -> None:
        """Add a failure to those of this delta."""
        add_fault(self.faults, key, fault)

    def to_wire(self) -> dict[str, Any]:
        """For Locust's msgpack messages: plain types, and the histograms of all series as bytes in one piece.

        A series says how many histograms are its own by naming them, in the order in which they come.
        """
        held = [histogram for series in self.series.values() for histogram in series.values.values()]
        return {
            "width_s": self.width_s,
            "series": [
                {
                    "interval": key.interval,
                    "stage": key.stage,
                    "labels": {name: value for name, value in key.labels._asdict().items() if value},
                    "counts": series.counts,
                    "values": list(series.values),
                }
                for key, series in self.series.items()
            ],
            "histograms": pack(held),
            "faults": [
                {
                    **key._asdict(),
                    "count": fault.count,
                    "first_s": fault.first_s,
                    "last_s": fault.last_s,
                    "request_id": fault.request_id,
                }
                for key, fault in self.faults.items()
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """The same for a line of JSON: the bytes are deflated, and text."""
        wire = self.to_wire()
        return {**wire, "histograms": deflated(wire["histograms"])}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Delta:
        """The delta that `to_wire` or `to_json` wrote; rubbish raises KeyError, TypeError or ValueError."""
        delta = cls(float(data["width_s"]))
        number = sum(len(row["values"]) for row in data["series"])
        packed = data["histograms"]
        is_line = isinstance(packed, str)
        if is_line:
            packed = inflated(packed, most_bytes(number))
        # What was read from a file stays; what came from a worker is added up at once.
        histograms = iter(unpack(packed, number, is_kept=is_line))
        for row in data["series"]:
            key = SeriesKey(int(row["interval"]), str(row["stage"]), Labels(**row["labels"]))
            values = dict(zip(row["values"], histograms, strict=False))
            known = delta.series.get(key)
            if known is None:
                delta.series[key] = Series(dict(row["counts"]), values)
            else:
                known.merge(Series(row["counts"], values))
        for row in data["faults"]:
            fault_key = FaultKey(
                str(row["outcome"]), int(row["status"]), str(row["message"]), str(row.get("arm", GATEWAY))
            )
            delta.faults[fault_key] = Fault(
                int(row["count"]),
                float(row["first_s"]),
                float(row["last_s"]),
                str(row.get("request_id", "")),
            )
        return delta
