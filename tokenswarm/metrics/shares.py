"""Shares: both sides of each are counted in the same calls and the same window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from tokenswarm.metrics.call import EXPECTED, FAILURES, SUCCESS
from tokenswarm.metrics.catalogue import OF_STARTS
from tokenswarm.metrics.series import (
    COMPRESSION_ASKED,
    FALLBACK_TOLD,
    FELL_BACK,
    IMPLIED_MISSES,
    PLANNED_STARTS,
    PROMPT_CACHE_TOLD,
    REPEATS,
    Labels,
)
from tokenswarm.metrics.source import Reading, Selector, Span

NOTHING_DUE: Final = "no call was due by a schedule: only open arrivals have one"
_HIT: Final = "hit"
_MISS: Final = "miss"

# share → the outcomes that count as its numerator; the denominator is always all that ended.
_SHARES: Final[Mapping[str, frozenset[str]]] = {
    "success_rate": frozenset({SUCCESS, EXPECTED}),
    "error_rate": frozenset(FAILURES),
    "rate_limited_rate": frozenset({"rate_limited"}),
    "availability": frozenset(
        {SUCCESS, EXPECTED, "http_4xx", "rate_limited", "malformed", "empty", "cache_mismatch"}
    ),
}


class _Ratio(NamedTuple):
    """A share made of two counts of successful calls."""

    part: str
    whole: str
    why_absent: str


_RATIOS: Final[Mapping[str, _Ratio]] = {
    "fallback_rate": _Ratio(FELL_BACK, FALLBACK_TOLD, "no answer said whether its gateway fell back"),
    "prompt_cache_rate": _Ratio(
        "cached_input_tokens", PROMPT_CACHE_TOLD, "no answer told how many prompt tokens were cached"
    ),
    "compressed_rate": _Ratio("compressed", COMPRESSION_ASKED, "no call asked for compression"),
}


class Counted(NamedTuple):
    """The counters of one series of calls, summed over a window."""

    labels: Labels
    counts: Mapping[str, float]


class Counts(Protocol):
    """What a share is made of."""

    def count(self, name: str, selector: Selector, span: Span | None = None) -> float: ...

    def outcomes(
        self, selector: Selector, span: Span | None = None, *, without_interrupted: bool = False
    ) -> dict[str, float]: ...

    def checks(self, selector: Selector, span: Span | None = None) -> dict[str, tuple[int, int]]: ...

    def counted(self, selector: Selector, span: Span | None = None) -> Iterator[Counted]:
        """Each series that matches."""

    def all_counted(self) -> Iterator[Counted]:
        """Each series of the whole run."""


def read_share(counts: Counts, metric: str, selector: Selector, span: Span | None) -> Reading:
    """One share; absent, with the reason, when its whole is nothing."""
    if metric == "cache_hit_rate":
        return _cache_hit_rate(counts, selector, span)
    if metric in _RATIOS:
        return _ratio(counts, _RATIOS[metric], selector, span)
    if metric == "check_rate":
        return _check_rate(counts, selector, span)
    if metric in OF_STARTS:
        return _share_of_starts(counts, metric, selector, span)
    outcomes = counts.outcomes(selector, span, without_interrupted=True)
    ended = int(sum(outcomes.values()))
    if not ended:
        return Reading.absent("no call ended")
    if metric == "goodput":
        if not any("good" in each.counts for each in counts.counted(selector, span)):
            return Reading.absent("the SLO states no per-call objectives", ended)
        return Reading.exact(counts.count("good", selector, span) / ended, ended)
    part = sum(count for outcome, count in outcomes.items() if outcome in _SHARES[metric])
    return Reading.exact(part / ended, ended)


def _ratio(counts: Counts, ratio: _Ratio, selector: Selector, span: Span | None) -> Reading:
    if "outcome" not in selector.labels:
        selector = Selector({**selector.labels, "outcome": SUCCESS})
    whole = counts.count(ratio.whole, selector, span)
    part = counts.count(ratio.part, selector, span)
    if not whole:
        return Reading.absent(ratio.why_absent)
    return Reading.exact(part / whole, int(whole))


def _share_of_starts(counts: Counts, metric: str, selector: Selector, span: Span | None) -> Reading:
    due = counts.count(PLANNED_STARTS, selector, span)
    dropped = counts.count("dropped_starts", selector, span)
    part, whole = (
        (dropped, due)
        if metric == "dropped_rate"
        else (counts.count("late_starts", selector, span), due - dropped)
    )
    if not due:
        return Reading.absent(NOTHING_DUE)
    if whole <= 0:
        return Reading.absent("every call that was due was dropped", int(due))
    return Reading.exact(part / whole, int(whole))


def _check_rate(counts: Counts, selector: Selector, span: Span | None) -> Reading:
    checks = counts.checks(selector, span).values()
    asked = sum(asked for _, asked in checks)
    if not asked:
        return Reading.absent("the profile expects nothing that was asked of a call")
    return Reading.exact(sum(met for met, _ in checks) / asked, asked)


def _cache_hit_rate(counts: Counts, selector: Selector, span: Span | None) -> Reading:
    calls = {_HIT: 0.0, _MISS: 0.0}
    implied = 0.0
    for labels, own in counts.counted(selector, span):
        if labels.cache in calls:
            calls[labels.cache] += own.get("calls", 0)
            implied += own.get(IMPLIED_MISSES, 0)
    known = sum(calls.values())
    if not known:
        return Reading.absent("no answer said whether it came from a cache")
    if not any(each.labels.cache == _HIT for each in counts.all_counted()):
        if implied == known:  # a gateway without a cache is just as silent
            return Reading.absent("no answer came from a cache, and none said that a cache was asked")
        if not any(each.counts.get(REPEATS) for each in counts.all_counted()):
            return Reading.absent("no answer came from a cache, and no prompt was sent twice")
    return Reading.exact(calls[_HIT] / known, int(known))
