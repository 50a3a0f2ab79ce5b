"""Cutting the judged part of a run into the intervals and windows that `over` and `for` are about."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tokenswarm.metrics.source import Span, StageSpan

# Interval borders are multiples of a width such as 0.1, and sums of them are not exact.
_SLACK = 1e-6


def judged_spans(stages: Sequence[StageSpan], stage: str | None, until_s: float = math.inf) -> list[Span]:
    """The judged stages, neighbours joined; `stage` picks one, `until_s` is as far as the run has come."""
    joined: list[Span] = []
    for one in stages:
        end_s = min(one.end_s, until_s)
        if end_s <= one.start_s or (one.name != stage if stage is not None else one.is_warmup):
            continue
        if joined and one.start_s - joined[-1].end_s <= _SLACK:
            joined[-1] = Span(joined[-1].start_s, end_s)
        else:
            joined.append(Span(one.start_s, end_s))
    return joined


def full_intervals(span: Span, width_s: float) -> range:
    """Numbers of the intervals that lie wholly in the span; interval i covers [i, i+1) × width."""
    first = math.ceil(span.start_s / width_s - _SLACK)
    return range(first, max(first, math.floor(span.end_s / width_s + _SLACK)))


def intervals_in(duration_s: float, width_s: float) -> int:
    """How many intervals make a window: at least one, and a part counts as a whole."""
    return max(1, math.ceil(duration_s / width_s - _SLACK))


def span_of(first: int, count: int, width_s: float) -> Span:
    """The span of so many intervals."""
    return Span(first * width_s, (first + count) * width_s)


def sliding(intervals: range, count: int) -> Iterator[range]:
    """Every full window of so many neighbouring intervals, one interval further each time."""
    for first in intervals[: max(0, len(intervals) - count + 1)]:
        yield range(first, first + count)
