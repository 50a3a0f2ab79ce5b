"""The worker's side of measuring: calls go in, deltas come out.

`record` runs once a call on the hot path, so it only appends numbers to lists; logarithms, dictionary
keys by name and histograms wait for `drain`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from typing import Final, NamedTuple

from tokenswarm.metrics.call import EXPECTED, INTERRUPTED, SUCCESS, CallRecord
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.origins import Origin, Origins, label
from tokenswarm.metrics.pending import VALUES, Pending
from tokenswarm.metrics.series import (
    ANSWERED_BY,
    COMPRESSION_ASKED,
    FALLBACK_TOLD,
    FELL_BACK,
    IMPLIED_MISSES,
    NO_LABELS,
    PROMPT_CACHE_TOLD,
    REPEATS,
    Delta,
    Fault,
    FaultKey,
    Labels,
    Series,
    SeriesKey,
)
from tokenswarm.metrics.spent import CALLS as SPENT_CALLS
from tokenswarm.metrics.spent import HIT, PARTS, spent_by
from tokenswarm.metrics.spent import count_name as spent_count

# Lists are folded into histograms at this many values, so that a lost master can't fill a worker's memory.
_FOLD_AT: Final = 50_000
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
        self._objectives = [(OBJECTIVES[name], limit) for name, limit in (objectives_s or {}).items()]
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
            pending = self._pending[_Key(*key)] = Pending()
        pending.calls += 1
        pending.effective_latency.append(ended_at_s - call.intended_at_s)
        started_at_s, sent_at_s = call.started_at_s, call.sent_at_s
        if started_at_s is not None:
            pending.schedule_delay.append(started_at_s - call.intended_at_s)
        if sent_at_s is not None:
            pending.latency.append(ended_at_s - sent_at_s)
            if call.headers_at_s is not None:
                pending.ttfb.append(call.headers_at_s - sent_at_s)
        if call.connect_s is not None:
            pending.connect.append(call.connect_s)
            if call.tls_s is not None:
                pending.tls.append(call.tls_s)
        self._count(pending, call)
        if call.stream and call.content_at_s:
            self._record_stream(pending, call)
        if call.outcome != SUCCESS:
            if call.outcome not in (EXPECTED, INTERRUPTED):
                self._record_fault(call, elapsed_s)
        else:
            self._record_overhead(pending, call)
            if self._objectives and self._meets_objectives(call):
                pending.good += 1
        self._held += 6 + len(call.content_at_s)
        if self._held >= _FOLD_AT:
            self._fold()

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

    def _count(self, pending: Pending, call: CallRecord) -> None:
        counts = pending.counts
        counts["bytes_sent"] += call.bytes_sent
        counts["bytes_received"] += call.bytes_received
        # To see that there is nothing to add takes a third of the time of adding nothing.
        if call.reconnects:
            counts["reconnects"] += call.reconnects
        if call.chunks:
            counts["chunks"] += call.chunks
        if call.messages:
            counts["ws_messages"] += call.messages
        if call.cost is not None:
            pending.cost += call.cost
        if call.rate_limit_headroom is not None:
            pending.rate_limit_headroom.append(call.rate_limit_headroom)
        if call.outcome == SUCCESS:
            counts["input_tokens"] += call.input_tokens or 0
            counts["output_tokens"] += call.output_tokens or 0
            if call.reasoning_tokens:
                counts["reasoning_tokens"] += call.reasoning_tokens
            if call.cached_input_tokens:
                counts["cached_input_tokens"] += call.cached_input_tokens
            if call.tokens_estimated:
                counts["estimated_tokens"] += call.output_tokens or 0
            if call.cached_input_tokens is not None:
                counts[PROMPT_CACHE_TOLD] += call.input_tokens or 0
            self._count_answer(pending, call)

    def _count_answer(self, pending: Pending, call: CallRecord) -> None:
        """What a success says of how it came about."""
        counts = pending.counts
        if call.cost is not None:
            pending.cost_per_request.append(call.cost)
        if call.fell_back is not None:
            counts[FALLBACK_TOLD] += 1
            counts[FELL_BACK] += call.fell_back
        if call.is_miss_implied:
            counts[IMPLIED_MISSES] += 1
        if call.is_repeat:
            counts[REPEATS] += 1
        if call.is_compression_asked:
            counts[COMPRESSION_ASKED] += 1
        if call.encoded_bytes is not None and call.decoded_bytes is not None:
            counts["compressed"] += 1
            counts["encoded_bytes"] += call.encoded_bytes
            counts["decoded_bytes"] += call.decoded_bytes
            if call.encoded_bytes:
                pending.compression_ratio.append(call.decoded_bytes / call.encoded_bytes)
        if call.model:
            name = self._origins.model(call.model)
            pending.answered_by[name] = pending.answered_by.get(name, 0) + 1

    @staticmethod
    def _record_stream(pending: Pending, call: CallRecord) -> None:
        for values, value in (
            (pending.ttft, call.ttft_s),
            (pending.ttfo, call.ttfo_s),
            (pending.tpot, call.tpot_s),
            (pending.burst_ratio, call.burst_ratio),
        ):
            if value is not None:
                values.append(value)
        gaps = call.gaps_s
        if gaps:
            pending.icl.extend(gaps)
            pending.max_gap.append(max(gaps))

    @staticmethod
    def _record_overhead(pending: Pending, call: CallRecord) -> None:
        """What the gateway added, each way for itself; of calls past it, what is added without one."""
        if call.cache != HIT:  # a stored answer carries the stamps of the call that it was stored from
            if call.provider_total_s is not None:
                for values, whole_s, provider_s in (
                    (pending.overhead, call.latency_s, call.provider_total_s),
                    (pending.overhead_ttft, call.ttft_s, call.provider_ttft_s),
                ):
                    if whole_s is not None and provider_s is not None:
                        values.append(whole_s - provider_s)
            if call.reported_overhead_s is not None:
                pending.reported_overhead.append(call.reported_overhead_s)
            if call.reported_upstream_s is not None:
                pending.reported_upstream.append(call.reported_upstream_s)
        spent = spent_by(call)
        if spent is not None:
            answered_by, parts = spent
            sums = pending.spent.get(answered_by)
            if sums is None:
                sums = pending.spent[answered_by] = [0.0] * (len(parts) + 1)
            for i, seconds in enumerate(parts):
                if seconds:
                    sums[i] += seconds
            sums[-1] += 1

    def _meets_objectives(self, call: CallRecord) -> bool:
        for attribute, limit_s in self._objectives:
            value_s = getattr(call, attribute)
            if value_s is not None and value_s > limit_s:
                return False
        return True

    def _record_fault(self, call: CallRecord, elapsed_s: float) -> None:
        key = FaultKey(call.outcome, call.status, call.detail, call.arm)
        self._delta.add_fault(key, Fault(1, elapsed_s, elapsed_s, label(call.request_id)))

    def _fold(self) -> None:
        for _ in self.fold_piecewise():
            pass

    def _fold_one(self, known_by: tuple[object, ...], pending: Pending) -> None:
        assert isinstance(known_by, _Key)
        key = known_by
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
