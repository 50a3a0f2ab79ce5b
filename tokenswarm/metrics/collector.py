"""The worker's side of measuring: calls go in, deltas come out.

`record` runs once a call on the hot path, so it only puts the call to those of its labels. A few hundred at a
time they are taken apart into lists of numbers, which takes a third of the time of one by one; logarithms and
histograms wait for `drain`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from typing import Final, NamedTuple

from tokenswarm.metrics.call import EXPECTED, INTERRUPTED, SUCCESS, CallRecord
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.origins import Origin, Origins, label
from tokenswarm.metrics.pending import VALUES, Objective, Pending
from tokenswarm.metrics.series import (
    ANSWERED_BY,
    NO_LABELS,
    Delta,
    Fault,
    FaultKey,
    Labels,
    Series,
    SeriesKey,
)
from tokenswarm.metrics.spent import CALLS as SPENT_CALLS
from tokenswarm.metrics.spent import PARTS
from tokenswarm.metrics.spent import count_name as spent_count

# Lists are folded into histograms at this many values, so that a lost master can't fill a worker's memory.
_FOLD_AT: Final = 50_000
# Calls are taken apart at this many: they don't fill it either then, and it takes a millisecond at most.
_TAKE_IN_AT: Final = 128
_NO_FAULTS: Final = frozenset({SUCCESS, EXPECTED, INTERRUPTED})
# Per-call objectives and the property of a call that each is held against.
OBJECTIVES: Final = {
    "ttft": "ttft_s",
    "ttfo": "ttfo_s",
    "tpot": "tpot_s",
    "latency": "latency_s",
    "effective_latency": "effective_latency_s",
}


class _Key(NamedTuple):
    interval: int
    stage: str
    scenario: str
    prompt: str
    stream: bool
    arm: str
    outcome: str
    status: int
    model: str
    cache_arm: str
    origin: Origin


class Collector:
    """Measurements of one process since the last drain, by interval, stage and labels."""

    def __init__(
        self, started_at_s: float, width_s: float, objectives_s: Mapping[str, float] | None = None
    ) -> None:
        """`started_at_s` is the run's start on this process's monotonic clock; limits are in seconds."""
        self._started_at_s = started_at_s
        self._width_s = width_s
        self._objectives = [
            Objective(OBJECTIVES[name], limit) for name, limit in (objectives_s or {}).items()
        ]
        self._pending: dict[tuple[object, ...], Pending] = {}  # by _Key, which is a tuple like another
        # On the object, so that a piecewise fold that is killed half-way leaves its rest to the next one.
        self._to_fold: deque[tuple[tuple[object, ...], Pending]] = deque()
        self._held = 0
        self._delta = Delta(width_s)
        self._origins = Origins()

    def record(self, call: CallRecord) -> None:
        """Count one call that ended, in success, in failure or interrupted by us."""
        ended_at_s = call.ended_at_s
        if ended_at_s is None:
            raise ValueError("a call is recorded when it has ended")
        elapsed_s = ended_at_s - self._started_at_s
        # A plain tuple, which is made and hashed in half of the time of a named one.
        key = (
            int(elapsed_s / self._width_s) if elapsed_s > 0 else 0,
            call.stage,
            call.scenario,
            call.prompt,
            call.stream,
            call.arm,
            call.outcome,
            call.status,
            call.requested_model,
            call.cache_arm,
            self._origins.of(call),
        )
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[_Key(*key)] = Pending(call)
        if call.outcome not in _NO_FAULTS:
            self._record_fault(call, elapsed_s)
        pending.waiting.append(call)
        if len(pending.waiting) >= _TAKE_IN_AT:
            self._take_in(pending)

    def observe(self, name: str, elapsed_s: float, values: list[float], stage: str = "") -> None:
        """Add values that belong to no call, such as generator lag, at a time since the run's start."""
        series = self._unlabelled(elapsed_s, stage)
        series.values.setdefault(name, Histogram()).fold(values)

    def count(self, name: str, elapsed_s: float, stage: str, number: float = 1) -> None:
        """Count what belongs to no call, such as a dropped start, at a time since the run's start."""
        counts = self._unlabelled(elapsed_s, stage).counts
        counts[name] = counts.get(name, 0) + number

    def note(self, kind: str, message: str, elapsed_s: float) -> None:
        """List among the failures what was no call's, such as a connection lost between two."""
        self._delta.add_fault(FaultKey(kind, 0, message), Fault(1, elapsed_s, elapsed_s))

    def _unlabelled(self, elapsed_s: float, stage: str) -> Series:
        interval = int(elapsed_s / self._width_s) if elapsed_s > 0 else 0
        return self._delta.series.setdefault(SeriesKey(interval, stage, NO_LABELS), Series())

    def fold_piecewise(self) -> Generator[None, None, None]:
        """Fold what was recorded, a series a step: a caller in an event loop lets others run in between."""
        self._to_fold.extend(self._pending.items())
        self._pending, self._held = {}, 0
        while self._to_fold:
            self._fold_one(*self._to_fold.popleft())
            yield

    def drain(self) -> Delta:
        """All that was recorded since the last drain."""
        self._fold()
        delta, self._delta = self._delta, Delta(self._width_s)
        return delta

    def _take_in(self, pending: Pending) -> None:
        self._held += pending.take_in(self._origins, self._objectives)
        if self._held >= _FOLD_AT:
            self._fold()

    def _record_fault(self, call: CallRecord, elapsed_s: float) -> None:
        key = FaultKey(call.outcome, call.status, call.detail, call.arm)
        self._delta.add_fault(key, Fault(1, elapsed_s, elapsed_s, label(call.request_id)))

    def _fold(self) -> None:
        for _ in self.fold_piecewise():
            pass

    def _fold_one(self, known_by: tuple[object, ...], pending: Pending) -> None:
        assert isinstance(known_by, _Key)
        key = known_by
        pending.take_in(self._origins, self._objectives)
        labels = Labels(
            scenario=key.scenario,
            prompt=key.prompt,
            stream="true" if key.stream else "false",
            arm=key.arm,
            outcome=key.outcome,
            status=str(key.status) if key.status else "",
            model=key.model,
            cache=key.origin.cache,
            cache_layer=key.origin.cache_layer,
            provider=key.origin.provider,
            cache_arm=key.cache_arm,
        )
        series = self._delta.series.setdefault(SeriesKey(key.interval, key.stage, labels), Series())
        series.merge(self._series_of(pending))

    def _series_of(self, pending: Pending) -> Series:
        series = Series({"calls": pending.calls})
        series.counts.update((name, count) for name, count in pending.counts.items() if count)
        if pending.cost:
            series.counts["cost"] = pending.cost
        series.counts.update((f"{ANSWERED_BY}/{name}", n) for name, n in pending.answered_by.items())
        if self._objectives:
            series.counts["good"] = pending.good
        for answered_by, sums in pending.spent.items():
            for part, total in zip((*PARTS, SPENT_CALLS), sums, strict=True):
                if total:
                    series.counts[spent_count(answered_by, part)] = total
        for name in VALUES:
            values = getattr(pending, name)
            if values:
                histogram = series.values[name] = Histogram()
                histogram.fold(values)
        return series
