"""Calls of one set of labels, taken apart into numbers that wait to be folded into histograms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from tokenswarm.metrics.call import SUCCESS, CallRecord
from tokenswarm.metrics.origins import Origins
from tokenswarm.metrics.series import (
    COMPRESSION_ASKED,
    FALLBACK_TOLD,
    FELL_BACK,
    IMPLIED_MISSES,
    PROMPT_CACHE_TOLD,
    REPEATS,
)
from tokenswarm.metrics.spent import BY_UNKNOWN, HIT, PARTS, Spent, spent_by

COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "estimated_tokens",
    "reasoning_tokens",
    "cached_input_tokens",
    PROMPT_CACHE_TOLD,
    FALLBACK_TOLD,
    FELL_BACK,
    IMPLIED_MISSES,
    REPEATS,
    COMPRESSION_ASKED,
    "encoded_bytes",
    "decoded_bytes",
    "compressed",
    "bytes_sent",
    "bytes_received",
    "reconnects",
    "chunks",
    "ws_messages",
)
VALUES: Final = (
    "latency",
    "effective_latency",
    "schedule_delay",
    "connect",
    "tls",
    "ttfb",
    "ttft",
    "ttfo",
    "tpot",
    "icl",
    "max_gap",
    "burst_ratio",
    "cost_per_request",
    "rate_limit_headroom",
    "compression_ratio",
    "overhead",
    "overhead_ttft",
    "reported_overhead",
    "reported_upstream",
)


# What is added up of every call, and of successful ones, where there is any: attribute → count.
_OF_ALL: Final = (
    (attrgetter("bytes_sent"), "bytes_sent"),
    (attrgetter("bytes_received"), "bytes_received"),
    (attrgetter("reconnects"), "reconnects"),
    (attrgetter("chunks"), "chunks"),
    (attrgetter("messages"), "ws_messages"),
)
_OF_SUCCESSES: Final = (
    (attrgetter("input_tokens"), "input_tokens"),
    (attrgetter("output_tokens"), "output_tokens"),
    (attrgetter("reasoning_tokens"), "reasoning_tokens"),
    (attrgetter("cached_input_tokens"), "cached_input_tokens"),
    (attrgetter("is_miss_implied"), IMPLIED_MISSES),
    (attrgetter("is_repeat"), REPEATS),
    (attrgetter("is_compression_asked"), COMPRESSION_ASKED),
)
_MODEL: Final = attrgetter("model")
_OF_STREAMS: Final = frozenset({"ttft_s", "ttfo_s", "tpot_s"})  # other calls have none


class Objective(NamedTuple):
    """What a call is held against: one of its figures, and the most that it may be, in seconds."""

    attribute: str
    limit_s: float


class Pending:
    """Numbers of one set of labels since the last fold, and the calls that are not among them yet.

    Calls are looked at by one figure after the other, not one by one: lists made at once are cheaper.
    """

    __slots__ = (
        "_is_stream",
        "_is_success",
        "answered_by",
        "burst_ratio",
        "calls",
        "compression_ratio",
        "connect",
        "cost",
        "cost_per_request",
        "counts",
        "effective_latency",
        "good",
        "icl",
        "latency",
        "max_gap",
        "overhead",
        "overhead_ttft",
        "rate_limit_headroom",
        "reported_overhead",
        "reported_upstream",
        "schedule_delay",
        "spent",
        "tls",
        "tpot",
        "ttfb",
        "ttfo",
        "ttft",
        "waiting",
    )

    def __init__(self, like: CallRecord) -> None:
        """`like` is one of the calls: all of them are streams or none is, and have one outcome."""
        self._is_stream, self._is_success = like.stream, like.outcome == SUCCESS
        self.waiting: list[CallRecord] = []
        self.calls = 0
        self.good = 0
        self.cost = 0.0
        self.counts = dict.fromkeys(COUNTS, 0)
        self.latency: list[float] = []
        self.effective_latency: list[float] = []
        self.schedule_delay: list[float] = []
        self.connect: list[float] = []
        self.tls: list[float] = []
        self.ttfb: list[float] = []
        self.ttft: list[float] = []
        self.ttfo: list[float] = []
        self.tpot: list[float] = []
        self.icl: list[float] = []
        self.max_gap: list[float] = []
        self.burst_ratio: list[float] = []
        self.cost_per_request: list[float] = []
        self.rate_limit_headroom: list[float] = []
        self.compression_ratio: list[float] = []
        self.answered_by: dict[str, int] = {}
        self.overhead: list[float] = []
        self.overhead_ttft: list[float] = []
        self.reported_overhead: list[float] = []
        self.reported_upstream: list[float] = []
        self.spent: dict[str, list[float]] = {}  # who answered → sums of PARTS, and the number of calls

    def take_in(self, origins: Origins, objectives: Sequence[Objective]) -> int:
        """Make numbers of the calls that wait; returns how many numbers, about."""
        calls, self.waiting = self.waiting, []
        if not calls:
            return 0
        self.calls += len(calls)
        self._take_times(calls)
        self._add_up(calls, _OF_ALL)
        self.cost += sum([call.cost for call in calls if call.cost is not None])
        self.rate_limit_headroom += [
            call.rate_limit_headroom for call in calls if call.rate_limit_headroom is not None
        ]
        if self._is_stream:
            self._take_streams(calls)
        if self._is_success:
            self._add_up(calls, _OF_SUCCESSES)
            self._take_answers(calls, origins)
            self._take_overhead(calls)
            self._take_spent(calls)
            if objectives:
                self.good += self._count_good(calls, objectives)
        return 6 * len(calls) + sum([len(call.content_at_s) for call in calls])

    def _add_up(self, calls: list[CallRecord], sums: tuple[tuple[attrgetter[Any], str], ...]) -> None:
        for value_of, name in sums:
            # From C to C: a line of Python for each value takes six times as long.
            self.counts[name] += sum(filter(None, map(value_of, calls)))

    def _take_times(self, calls: list[CallRecord]) -> None:
        self.effective_latency += [
            call.ended_at_s - call.intended_at_s for call in calls if call.ended_at_s is not None
        ]
        self.schedule_delay += [
            call.started_at_s - call.intended_at_s for call in calls if call.started_at_s is not None
        ]
        self.latency += [
            call.ended_at_s - call.sent_at_s
            for call in calls
            if call.sent_at_s is not None and call.ended_at_s is not None
        ]
        self.ttfb += [
            call.headers_at_s - call.sent_at_s
            for call in calls
            if call.headers_at_s is not None and call.sent_at_s is not None
        ]
        # Most calls reuse a connection.
        opened = [call for call in calls if call.connect_s is not None]
        if opened:
            self.connect += [call.connect_s for call in opened if call.connect_s is not None]
            self.tls += [call.tls_s for call in opened if call.tls_s is not None]

    def _take_streams(self, calls: list[CallRecord]) -> None:
        begun = [call for call in calls if call.content_at_s]
        for values, found in (
            (self.ttft, [call.ttft_s for call in begun]),
            (self.ttfo, [call.ttfo_s for call in begun]),
            (self.tpot, [call.tpot_s for call in begun]),
            (self.burst_ratio, [call.burst_ratio for call in begun]),
        ):
            values += [value for value in found if value is not None]
        for call in begun:
            gaps = call.gaps_s
            if gaps:
                self.icl += gaps
                self.max_gap.append(max(gaps))

    def _take_answers(self, calls: list[CallRecord], origins: Origins) -> None:
        """What successes say of how they came about."""
        counts = self.counts
        self.cost_per_request += [call.cost for call in calls if call.cost is not None]
        for model, number in Counter(map(_MODEL, calls)).items():
            if model:
                name = origins.models.shown(model)
                self.answered_by[name] = self.answered_by.get(name, 0) + number
        for call in [call for call in calls if call.fell_back is not None]:
            counts[FALLBACK_TOLD] += 1
            counts[FELL_BACK] += bool(call.fell_back)
        for call in [call for call in calls if call.tokens_estimated]:
            counts["estimated_tokens"] += call.output_tokens or 0
        for call in [call for call in calls if call.cached_input_tokens is not None]:
            counts[PROMPT_CACHE_TOLD] += call.input_tokens or 0
        for call in [call for call in calls if call.encoded_bytes is not None]:
            encoded, decoded = call.encoded_bytes or 0, call.decoded_bytes or 0
            counts["compressed"] += 1
            counts["encoded_bytes"] += encoded
            counts["decoded_bytes"] += decoded
            if encoded:
                self.compression_ratio.append(decoded / encoded)

    def _take_overhead(self, calls: list[CallRecord]) -> None:
        """What the gateway added, each way for itself; of calls past it, what is added without one."""
        # A stored answer carries the stamps of the call that it was stored from.
        calls = [call for call in calls if call.cache != HIT]
        for call in [call for call in calls if call.provider_total_s is not None]:
            for values, whole_s, provider_s in (
                (self.overhead, call.latency_s, call.provider_total_s),
                (self.overhead_ttft, call.ttft_s, call.provider_ttft_s),
            ):
                if whole_s is not None and provider_s is not None:
                    values.append(whole_s - provider_s)
        self.reported_overhead += [
            call.reported_overhead_s for call in calls if call.reported_overhead_s is not None
        ]
        self.reported_upstream += [
            call.reported_upstream_s for call in calls if call.reported_upstream_s is not None
        ]

    def _take_spent(self, calls: list[CallRecord]) -> None:
        plain_first: list[float] = []
        plain_rest: list[float] = []
        for call in calls:
            if call.provider_total_s is None and call.cache != HIT and call.connect_s is None:
                # Nobody said anything, on a connection that was there: most calls are like that.
                first_at_s = call.headers_at_s
                if self._is_stream:
                    first_at_s = call.content_at_s[0] if call.content_at_s else None
                if first_at_s is not None and call.sent_at_s is not None and call.ended_at_s is not None:
                    plain_first.append(first_at_s - call.sent_at_s)
                    plain_rest.append(call.ended_at_s - first_at_s)
                continue
            spent = spent_by(call)
            if spent is not None:
                answered_by, parts = spent
                self._add_spent(answered_by, parts, 1)
        if plain_first:
            parts = Spent(waiting=sum(plain_first), rest=sum(plain_rest))
            self._add_spent(BY_UNKNOWN, parts, len(plain_first))

    def _count_good(self, calls: list[CallRecord], objectives: Sequence[Objective]) -> int:
        """Calls that meet all objectives: those that they have no figure for, too."""
        for attribute, limit_s in objectives:
            if self._is_stream or attribute not in _OF_STREAMS:
                values_s = map(attrgetter(attribute), calls)
                calls = [
                    call
                    for call, value_s in zip(calls, values_s, strict=True)
                    if value_s is None or value_s <= limit_s
                ]
        return len(calls)

    def _add_spent(self, answered_by: str, parts: Spent, calls: int) -> None:
        sums = self.spent.setdefault(answered_by, [0.0] * (len(PARTS) + 1))
        for i, seconds in enumerate(parts):
            sums[i] += seconds
        sums[-1] += calls
