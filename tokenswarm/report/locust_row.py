"""One row of Locust's _stats.csv: what it says of response times, and how exactly.

Locust keeps times in buckets: whole ms below 100, then two significant digits, from 10 s on whole
seconds. It reports as p the value whose rank, counted from 1, is int(n × p) + 1. Its times hold failed
calls as well. So what can be said of a figure of the successful calls alone, F of the n having failed,
is this:

    rank r among the successful  lies between  rank r and rank r + F among all
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PERCENTILES: Final = (50.0, 66.0, 75.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.9, 99.99, 100.0)

_STEPS: Final = ((100.0, 1.0), (1000.0, 10.0), (10000.0, 100.0))


@dataclass(frozen=True, slots=True)
class Band:
    """A time and the bounds of the true one, in milliseconds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LocustRow:
    """Requests of one name, or of all. Times are milliseconds; minimum, maximum and average are exact."""

    name: str
    requests: int
    failures: int
    requests_per_s: float
    failures_per_s: float
    average_ms: float
    min_ms: float
    max_ms: float
    percentiles_ms: Mapping[float, float]

    @classmethod
    def of(cls, row: Mapping[str, object]) -> LocustRow:
        """A row of the table; figures that it hasn't are NaN."""

        def number(column: str) -> float:
            try:
                value = float(str(row.get(column, "")))
            except ValueError:
                return math.nan  # N/A, or nothing
            return value if math.isfinite(value) else math.nan

        times = {p: number(f"{p:g}%") for p in PERCENTILES}
        return cls(
            name=str(row["Name"]),
            requests=int(number("Request Count")),
            failures=int(number("Failure Count")),
            requests_per_s=number("Requests/s"),
            failures_per_s=number("Failures/s"),
            average_ms=number("Average Response Time"),
            min_ms=number("Min Response Time"),
            max_ms=number("Max Response Time"),
            percentiles_ms={p: value for p, value in times.items() if not math.isnan(value)},
        )

    @property
    def is_whole(self) -> bool:
        """Whether it has the figures that Locust always writes."""
        figures = (self.average_ms, self.min_ms, self.max_ms, self.requests_per_s)
        return not any(map(math.isnan, figures)) and 0 <= self.failures <= self.requests

    @property
    def successes(self) -> int:
        """Requests that did not fail."""
        return self.requests - self.failures

    def percentile(self, p: float, *, of_all: bool) -> Band:
        """The percentile (0–100) of all calls, or of the successful ones."""
        failed = 0 if of_all else self.failures
        if not failed and p in self.percentiles_ms and p < 100:
            return self._rounded(self.percentiles_ms[p])
        n = self.requests - failed
        rank = min(n, max(1, math.ceil(n * p / 100 - 1e-9)))
        return self.at_rank(rank, rank + failed)

    def average(self, *, of_all: bool) -> Band:
        """The average of all calls, or what it can have been of the successful ones."""
        if of_all or not self.failures:
            return Band(self.average_ms, self.average_ms, self.average_ms)
        total = self.average_ms * self.requests
        low = max(self.min_ms, (total - self.failures * self.max_ms) / self.successes)
        high = min(self.max_ms, (total - self.failures * self.min_ms) / self.successes)
        return Band(min(max(self.average_ms, low), high), low, high)

    def at_rank(self, lowest: int, highest: int) -> Band:
        """A time whose rank among all calls lies between two; the highest is shown."""
        low = self.min_ms
        high = self.max_ms
        for p, value in self.percentiles_ms.items():
            rank = min(self.requests, int(self.requests * p / 100) + 1)
            if rank <= lowest:
                low = max(low, self._rounded(value).low)
            if rank >= highest:
                high = min(high, self._rounded(value).high)
        if lowest == self.requests:
            low = self.max_ms
        if highest == 1:
            high = self.min_ms
        return Band(high, low, high)

    def _rounded(self, value: float) -> Band:
        """The times that Locust rounds to this value, cut to the exact minimum and maximum."""
        low = max(self.min_ms, value - _step_below(value) / 2)
        high = min(self.max_ms, value + _step(value) / 2)
        return Band(min(max(value, low), high), low, high)


def _step(value: float) -> float:
    """How far apart Locust's buckets are just above a value."""
    return next((step for below, step in _STEPS if value < below), 1000.0)


def _step_below(value: float) -> float:
    """And just below it: 99 comes before 100, and 990 before 1000."""
    return _step(math.nextafter(value, 0.0))
