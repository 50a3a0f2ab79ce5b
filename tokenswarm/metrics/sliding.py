"""Measurements cut down to sliding windows, for a judge who reads one figure from thousands of them.

A window of n intervals that begins inside a block of n is a tail of that block and a head of the next
one. Tails and heads are sums kept from one window to the next, so each window costs three additions
instead of n (van Herk, Pattern Recognition Letters 1992, who did it for minima).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.reduced import reduced
from tokenswarm.metrics.series import Labels, Series, SeriesKey
from tokenswarm.metrics.source import Selector

_Slice: TypeAlias = dict[tuple[str, Labels], Series]  # by stage and what is left of the labels


def sliding_sources(
    source: Measurements, metric: str, selector: Selector, intervals: range, count: int
) -> Iterator[Measurements]:
    """For every full window of `count` intervals, a source that gives the window's figures of `metric`."""
    slices = _slices(source, metric, selector)
    tails: list[_Slice] = []
    head: _Slice = {}
    for i in range(len(intervals) - count + 1):
        first = intervals[i]
        into = i % count
        if into == 0:
            tails = _tails(slices, first, count)
            head = {}
        else:
            head = _sum(head, slices.get(first + count - 1, {}))
        window = Measurements(source.stages, source.width_s)
        window.samples = source.samples
        for (stage, labels), series in _sum(tails[into], head).items():
            window.add(SeriesKey(first, stage, labels), series)
        yield window


def _slices(source: Measurements, metric: str, selector: Selector) -> dict[int, _Slice]:
    """What each interval holds of the metric; labels that no longer matter are added up."""
    found: dict[int, dict[tuple[str, Labels], list[Series]]] = {}
    for key, series in reduced(source.select(selector), (metric,), selector.labels):
        found.setdefault(key.interval, {}).setdefault((key.stage, key.labels), []).append(series)
    return {
        interval: {place: Series.merged(series) for place, series in places.items()}
        for interval, places in found.items()
    }


def _tails(slices: dict[int, _Slice], first: int, count: int) -> list[_Slice]:
    """The sums from each interval of a block to its end."""
    tails: list[_Slice] = [{}]
    for interval in range(first + count - 1, first - 1, -1):
        tails.append(_sum(slices.get(interval, {}), tails[-1]))
    return tails[:0:-1]


def _sum(one: _Slice, other: _Slice) -> _Slice:
    if not one or not other:
        return one or other  # nobody changes a slice once it is made
    whole: _Slice = {}
    for part in (one, other):
        for key, series in part.items():
            whole.setdefault(key, Series()).merge(series)
    return whole
