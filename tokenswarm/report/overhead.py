"""What a gateway adds, as reports show it: three ways side by side, where the time goes, how streams change.

Times are milliseconds. None where there is no figure. No cache hit is in any of it but for the rows of the
breakdown that say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.figures import share, time_ms

STREAMS: Final = "streams"
WHOLE_ANSWERS: Final = "whole answers"
# way → what it is, in one line
WAYS: Final[Mapping[str, str]] = {
    "stamped": "the provider's own time rides on each answer: exact, call by call",
    "paired": "the same kinds of call through the gateway and past it: differences of their quantiles,"
    " with the 95% interval",
    "self-reported": "what the gateway says of itself: for comparison only",
}
# part of a call → the table's word for it, in the order in which they happen
PARTS: Final[Mapping[str, str]] = {
    "connect": "connect",
    "tls": "TLS",
    "gateway": "gateway, to first token",
    "provider_first": "provider, to first token",
    "waiting": "to first token, not told apart",
    "provider_rest": "provider, rest",
    "rest": "transfer and rest",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantile; `low_ms` and `high_ms` are the ends of its 95 % interval where it has one."""

    value_ms: float | None
    low_ms: float | None = None
    high_ms: float | None = None

    def __str__(self) -> str:
        if self.low_ms is None or self.high_ms is None:
            return time_ms(self.value_ms)
        return f"{time_ms(self.value_ms)} ({time_ms(self.low_ms)} … {time_ms(self.high_ms)})"


@dataclass(frozen=True, slots=True)
class OverheadRow:
    """What was added to the first token or the whole call of one kind, found one way."""

    what: str  # "first token" or "whole call"
    calls: str  # STREAMS or WHOLE_ANSWERS
    way: str  # a key of WAYS
    count: int
    p50: Figure
    p95: Figure
    p99: Figure
    reason: str = ""  # why a figure is missing

    @property
    def title(self) -> str:
        """What the row is about, for people: rows of one title are compared."""
        return self.calls if self.calls == WHOLE_ANSWERS else f"{self.calls}, {self.what}"


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """Where the mean call of one kind spent its time; the parts add up to `mean_ms`."""

    calls: str  # STREAMS or WHOLE_ANSWERS
    answered_by: str  # "provider", "cache" or "unknown"
    count: int
    mean_ms: float
    parts_ms: Mapping[str, float]  # keys of PARTS; those that took no time are left out

    @property
    def title(self) -> str:
        """For people."""
        return self.calls if self.answered_by == "unknown" else f"{self.calls} from the {self.answered_by}"


@dataclass(frozen=True, slots=True)
class DistortionRow:
    """One figure of streams in both arms."""

    what: str
    unit: str  # "ms" or "share"
    gateway: float | None
    provider: float | None

    def show(self, value: float | None) -> str:
        """One of its figures, with its unit."""
        if value is None or self.unit == "share":
            return share(value)
        return f"{time_ms(value)} ms"


@dataclass(frozen=True, slots=True)
class Overhead:
    """All of it. `floor_ms` is the median that stamps give for calls past the gateway: ours, not its."""

    rows: tuple[OverheadRow, ...]
    breakdown: tuple[BreakdownRow, ...]
    distortion: tuple[DistortionRow, ...]
    sentence: str  # how the gateway changes streams; empty where nothing can be said
    hits: int  # calls that the cache answered, and that are left out
    floor_ms: float | None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that any row of the breakdown has, in order."""
        return tuple(part for part in PARTS if any(part in row.parts_ms for row in self.breakdown))

    @property
    def is_made_up_for(self) -> bool:
        """Whether a part is less than nothing, which wants explaining."""
        return any(value < -0.005 for row in self.breakdown for value in row.parts_ms.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know when reading the rows."""
        said = [f"{way}: {WAYS[way]}" for way in WAYS if any(row.way == way for row in self.rows)]
        if self.floor_ms is not None:
            said.append(
                f"stamped: calls past the gateway leave {self.floor_ms:.2f} ms at the median, which is what"
                " network and load generator add"
            )
        if self.hits:
            said.append(f"{self.hits:,} calls that the cache answered are in none of these")
        reasons = dict.fromkeys(f"{row.way}: {row.reason}" for row in self.rows if row.reason)
        return (*said, *reasons)
