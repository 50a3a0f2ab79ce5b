"""How long a target took to recover from what was done to it, from moments of the run.

    injected ──► first window over the limit ──► … ──► the last one      calm for 5 s
        └───────────────────── recovery ─────────────────┘

A window is one second of ended calls. Errors that begin later than a call can last are not laid to the
injection: what it did would have shown by then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.moments import Moments

CALM_S: Final = 5.0
_WINDOW_S: Final = 1.0
# Less may be the noise of any run; more is worth a line of its own.
_LEAST_LOST: Final = 3
_MOST_OUTAGES: Final = 20


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one injection did. Times are seconds since the run's start.

    `recovered_s` None: not within the run. It is known to one moment's width.
    """

    injected_s: float
    first_failure_s: float | None
    recovered_s: float | None
    lost: int  # calls that failed from the injection to the end of the last second over the limit
    worst_rate: float  # the highest share of failures within a second
    observed_until_s: float

    @property
    def took_s(self) -> float | None:
        """From the injection until calls were answered as they should be, and went on so."""
        return None if self.recovered_s is None else self.recovered_s - self.injected_s


def recovery_of(
    moments: Moments, injected_s: float, next_s: float, until_s: float, error_limit: float, reach_s: float
) -> Recovery:
    """The recovery from what was injected at that time; `next_s` is the next injection, `until_s` the end.

    `error_limit` is a share from 0 to 1 that the error rate may reach; `reach_s` the longest time after
    which the first error can follow: that of a call.
    """
    width_s = moments.width_s
    begin, end = moments.index(injected_s), moments.index(until_s)
    shares = _shares(moments, begin, end, moments.span(_WINDOW_S))
    reach = moments.index(min(next_s, injected_s + reach_s))
    over = [i for i, share in enumerate(shares, start=begin) if share > error_limit]
    # A window that begins before the reach's end may be over the limit by what came after it.
    failing = [i for i in sorted(moments.failed) if begin <= i < reach and moments.failed[i]]
    first = next((i for i in over if _any_within(failing, i, i + moments.span(_WINDOW_S))), None)
    if first is None:
        lost = _failed(moments, begin, reach)
        return Recovery(injected_s, _first_failure_s(moments, begin, reach), injected_s, lost, 0.0, until_s)
    calm = round(CALM_S / width_s)
    recovered = _calm_after(over, first, end, calm)
    stop = end if recovered is None else recovered
    # The last second that was over the limit may hold failures of after it began: they were lost as well.
    last = stop if recovered is None else recovered - 1 + moments.span(_WINDOW_S)
    last = max(stop, min(last, end, moments.index(next_s)))
    return Recovery(
        injected_s,
        _first_failure_s(moments, begin, stop),
        None if recovered is None else max(injected_s, recovered * width_s),
        _failed(moments, begin, last),
        max(shares[: stop - begin], default=0.0),
        until_s,
    )


def unexplained_outages(
    moments: Moments, explained: Sequence[Recovery], until_s: float, error_limit: float
) -> Iterator[Recovery]:
    """Bursts of failures that none of these recoveries covers: somebody else did something to the target.

    Each begins with its first failure: when its cause came nobody told. Nothing is looked for before 0 s.
    """
    width_s, end = moments.width_s, moments.index(until_s)
    shares = _shares(moments, 0, end, moments.span(_WINDOW_S))
    covered = [
        (moments.index(one.injected_s), end if one.recovered_s is None else moments.index(one.recovered_s))
        for one in explained
    ]
    after = found = 0
    for i in sorted(moments.failed):
        if i < after or i >= end or found >= _MOST_OUTAGES or shares[i] <= error_limit:
            continue
        if any(begin <= i <= stop for begin, stop in covered):
            continue
        outage = recovery_of(moments, i * width_s, until_s, until_s, error_limit, width_s)
        after = end if outage.recovered_s is None else moments.index(outage.recovered_s) + 1
        if outage.lost >= _LEAST_LOST:
            found += 1
            yield outage


def _shares(moments: Moments, begin: int, end: int, window: int) -> list[float]:
    """Of each moment from `begin` on, the share of failures in the window that begins with it."""
    shares = []
    ended = failed = 0.0
    for i in range(end + window - 1, begin - 1, -1):
        if i < end:
            ended += moments.ended.get(i, 0)
            failed += moments.failed.get(i, 0)
        gone = i + window
        if gone < end:
            ended -= moments.ended.get(gone, 0)
            failed -= moments.failed.get(gone, 0)
        if i < end:
            shares.append(failed / ended if ended > 0 else 0.0)
    return shares[::-1]


def _calm_after(over: Sequence[int], first: int, end: int, calm: int) -> int | None:
    """The first moment after `first` from which no window is over the limit for so long; None if none."""
    late = [i for i in over if i >= first]
    for i, following in zip(late, [*late[1:], end], strict=True):
        if following - (i + 1) >= calm:
            return i + 1
    return None


def _any_within(sorted_moments: Sequence[int], begin: int, end: int) -> bool:
    at = bisect_left(sorted_moments, begin)
    return at < len(sorted_moments) and sorted_moments[at] < end


def _failed(moments: Moments, begin: int, end: int) -> int:
    return int(sum(count for i, count in moments.failed.items() if begin <= i < end))


def _first_failure_s(moments: Moments, begin: int, end: int) -> float | None:
    first = min((i for i, count in moments.failed.items() if count and begin <= i < end), default=None)
    return None if first is None else first * moments.width_s
