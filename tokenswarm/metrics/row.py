"""All that one stage and one set of labels measured, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Series


class Row:
    """Series by interval, and their sums once somebody asked for them."""

    __slots__ = ("_counts", "_sums", "intervals")

    def __init__(self) -> None:
        self.intervals: dict[int, Series] = {}
        self._counts: dict[str, float] | None = None
        self._sums: dict[str, Histogram] = {}

    def add(self, interval: int, series: Series) -> None:
        """Add to what that interval has."""
        own = self.intervals.get(interval)
        if own is None:
            own = self.intervals[interval] = Series()
        own.merge(series)
        self._forget_sums()

    def take(self, interval: int, series: Series) -> None:
        """The same with a series that nobody else keeps."""
        own = self.intervals.setdefault(interval, series)
        if own is not series:
            own.merge(series)
        self._forget_sums()

    def _forget_sums(self) -> None:
        self._counts = None
        if self._sums:
            self._sums = {}

    def forget_before(self, interval: int) -> None:
        """Drop the intervals before this one."""
        if any(i < interval for i in self.intervals):
            self.intervals = {i: series for i, series in self.intervals.items() if i >= interval}
            self._counts, self._sums = None, {}

    def within(self, intervals: range | None) -> Iterable[tuple[int, Series]]:
        """The intervals in this range, or all."""
        own = self.intervals
        if intervals is None:
            return own.items()
        if len(intervals) < len(own):
            return [(i, own[i]) for i in intervals if i in own]
        return [(i, series) for i, series in own.items() if i in intervals]

    def histograms(self, name: str, intervals: range | None) -> Iterable[Histogram]:
        """What has to be added up for one metric."""
        if intervals is None and len(self.intervals) > 1:
            if name not in self._sums:
                found = (series.values.get(name) for series in self.intervals.values())
                self._sums[name] = Histogram.merged(one for one in found if one is not None)
            return (self._sums[name],)
        found = (series.values.get(name) for _, series in self.within(intervals))
        return (one for one in found if one is not None)

    def counts(self, intervals: range | None) -> Mapping[str, float]:
        """Each counter's sum."""
        if intervals is None and self._counts is not None:
            return self._counts
        sums: dict[str, float] = {}
        for _, series in self.within(intervals):
            for name, count in series.counts.items():
                sums[name] = sums.get(name, 0) + count
        if intervals is None:
            self._counts = sums
        return sums
