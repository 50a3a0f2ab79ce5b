"""How long a target took to recover from what was done to it, from moments of the run.

    injected ──► first window over the limit ──► … ──► the last one      calm for 5 s
        └───────────────────── recovery ─────────────────┘

A window is one second of ended calls. Errors that begin later than a call can last are not laid to the
injection: what it did would have shown by then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.source import Aggregation, Reading

# Label-less counts of calls by moment are named KIND/NUMBER OF THE MOMENT.
ENDED: Final = "ended"
FAILED: Final = "failed"
CALM_S: Final = 5.0
_NARROWEST_S: Final = 0.1
_MOST_MOMENTS: Final = 6000
_WINDOW_S: Final = 1.0


def moment_width_s(total_s: float) -> float:
    """A tenth of a second, or more in a long run: what is kept must not grow with a run's length."""
    return max(_NARROWEST_S, total_s / _MOST_MOMENTS)


@dataclass(frozen=True, slots=True)
class Moments:
    """Calls that ended, and those that failed, by moment: the i-th begins at i × `width_s` of the run."""

    width_s: float
    ended: Mapping[int, float]
    failed: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one injection did. Times are seconds since the run's start.

    `recovered_s` None: not within the run. It is known to one moment's width.
    """

    injected_s: float
    first_failure_s: float | None
    recovered_s: float | None
    lost: int  # calls that failed from the injection until it had recovered, or the horizon
    worst_rate: float  # the highest share of failures within a second
    observed_until_s: float

    @property
    def took_s(self) -> float | None:
        """From the injection until calls were answered as they should be, and went on so."""
        return None if self.recovered_s is None else self.recovered_s - self.injected_s


def moments_in(counts: Iterable[tuple[str, float]], width_s: float) -> Moments:
    """The moments among all label-less counts of a run; others are passed over."""
    found: dict[str, dict[int, float]] = {ENDED: {}, FAILED: {}}
    for name, count in counts:
        kind, _, moment = name.partition("/")
        if kind in found:
            of_kind = found[kind]
            of_kind[int(moment)] = of_kind.get(int(moment), 0) + count
    return Moments(width_s, found[ENDED], found[FAILED])


def recovery_reading(recoveries: Sequence[Recovery], aggregation: Aggregation) -> Reading:
    """One figure over several recoveries, in seconds; one that was not seen to end bounds it from below."""
    if not recoveries:
        return Reading.absent("nothing was done to the target there")
    took_s = sorted(r.observed_until_s - r.injected_s if r.took_s is None else r.took_s for r in recoveries)
    count = len(took_s)
    if aggregation.name == "count":
        return Reading.exact(count, count)
    quantile = {"min": 0.0, "max": 1.0}.get(aggregation.name, aggregation.quantile)
    value = (
        sum(took_s) / count if quantile is None else took_s[max(0, math.ceil(quantile * count - 1e-9) - 1)]
    )
    if any(recovery.took_s is None for recovery in recoveries):
        return Reading(value, count, value, math.inf, "it had not recovered when the run ended")
    return Reading.exact(value, count)


def recovery_of(
    moments: Moments, injected_s: float, next_s: float, until_s: float, error_limit: float, reach_s: float
) -> Recovery:
    """The recovery from what was injected at that time; `next_s` is the next injection, `until_s` the end.

    `error_limit` is a share from 0 to 1 that the error rate may reach; `reach_s` the longest time after
    which the first error can follow: that of a call.
    """
    width_s = moments.width_s
    begin, end = int(injected_s / width_s + 1e-9), int(until_s / width_s + 1e-9)
    window = max(1, round(_WINDOW_S / width_s))
    shares = _shares(moments, begin, end, window)
    reach = int(min(next_s, injected_s + reach_s) / width_s + 1e-9)
    over = [i for i, share in enumerate(shares, start=begin) if share > error_limit]
    first = next((i for i in over if i < reach), None)
    if first is None:
        lost = _failed(moments, begin, reach)
        return Recovery(injected_s, _first_failure_s(moments, begin, reach), injected_s, lost, 0.0, until_s)
    calm = round(CALM_S / width_s)
    recovered = _calm_after(over, first, end, calm)
    stop = end if recovered is None else recovered
    return Recovery(
        injected_s,
        _first_failure_s(moments, begin, stop),
        None if recovered is None else max(injected_s, recovered * width_s),
        _failed(moments, begin, stop),
        max(shares[: stop - begin], default=0.0),
        until_s,
    )


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


def _failed(moments: Moments, begin: int, end: int) -> int:
    return int(sum(count for i, count in moments.failed.items() if begin <= i < end))


def _first_failure_s(moments: Moments, begin: int, end: int) -> float | None:
    first = min((i for i, count in moments.failed.items() if count and begin <= i < end), default=None)
    return None if first is None else first * moments.width_s
