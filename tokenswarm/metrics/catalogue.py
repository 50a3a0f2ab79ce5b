"""Every metric: name, unit, kind and one-line definition. The only list of them.

docs/metrics.md, threshold validation, reports and exporters are all read from METRICS.

What a target says of itself may have names that are not listed: `target_` and words of the user's own, whose
ending says what it is, as Prometheus's conventions have it:

    target_…_seconds, target_…_ms   a time: single values, from a histogram or a log
    target_…_bytes                  a gauge in bytes
    target_…_total                  a counter; target_…_bytes_total of bytes, target_…_usd_total of dollars
    target_…                        a gauge
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Kind(Enum):
    """What a metric is, and so which aggregations a threshold may ask of it."""

    TIME = "time"  # histogram of seconds; limits without a unit are milliseconds
    AMOUNT = "amount"  # histogram of a plain number
    COUNTER = "counter"
    RATE = "rate"  # events per second
    SHARE = "share"  # a ratio from 0 to 1; both sides from the same window
    GAUGE = "gauge"  # sampled
    DRIFT = "drift"  # of a time's median over the run, as a share of it an hour, with a 95 % interval
    DIFFERENCE = "difference"  # of times in two arms, with a 95 % interval


AGGREGATIONS: Final = MappingProxyType(
    {
        Kind.TIME: ("avg", "min", "max", "med", "p", "count"),
        Kind.AMOUNT: ("avg", "min", "max", "med", "p", "count"),
        Kind.COUNTER: ("count", "rate"),
        Kind.RATE: ("value", "rate"),
        Kind.SHARE: ("rate", "value"),
        Kind.DIFFERENCE: ("med", "p"),
        Kind.DRIFT: ("value",),
        Kind.GAUGE: ("avg", "min", "max", "med", "p", "value", "slope"),
    }
)
# What a bare `< 1%` means; times and amounts must name theirs.
DEFAULT_AGGREGATION: Final = MappingProxyType(
    {
        Kind.COUNTER: "count",
        Kind.RATE: "value",
        Kind.SHARE: "rate",
        Kind.GAUGE: "value",
        Kind.DRIFT: "value",
    }
)

LABELS: Final = (
    "scenario",
    "prompt",
    "stream",
    "stage",
    "cache",
    "cache_layer",
    "provider",
    "model",
    "outcome",
    "status",
    "arm",
    "cache_arm",
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue. `is_success_only`: failed calls never enter it unless asked for by label."""

    name: str
    kind: Kind
    unit: str  # "s", "1/s", "1", "B", "USD", "cores", "share" …
    definition: str
    is_success_only: bool = False
    is_monitored: bool = False  # a monitor reads it from the target: no call of ours says it


def _time(name: str, definition: str, *, is_success_only: bool = True) -> Metric:
    return Metric(name, Kind.TIME, "s", definition, is_success_only)


def _monitored(name: str, kind: Kind, unit: str, definition: str) -> Metric:
    return Metric(name, kind, unit, definition, is_monitored=True)


_ROWS: Final = (
    _time(
        "schedule_delay",
        "Intended start to the first request byte handed to the socket.",
        is_success_only=False,
    ),
    _time(
        "connect",
        "Start of TCP connect to connected, with TLS and a WebSocket's upgrade and greeting; new ones only.",
        is_success_only=False,
    ),
    _time("tls", "The part of `connect` that the TLS handshake took.", is_success_only=False),
    _time("ttfb", "Request sent to the first byte of the response headers."),
    _time("ttft", "Request sent to the first chunk with content, reasoning or tool-call text; streams."),
    _time("ttfo", "Request sent to the first output that is not reasoning; streams."),
    _time("latency", "Request sent to the terminal event, or the last body byte when not streaming."),
    _time("effective_latency", "Intended start to the same end; safe from coordinated omission."),
    _time(
        "tpot",
        "(Last content − first content) ÷ (output tokens − 1), tokens from the server's usage; streams.",
    ),
    _time("icl", "Inter-chunk latency: every gap between content chunks that came in different reads."),
    _time("max_gap", "The longest inter-chunk latency of a call: a stalled stream."),
    Metric(
        "burst_ratio",
        Kind.AMOUNT,
        "1",
        "Content chunks that shared a read with another ÷ all, per stream.",
        True,
    ),
    _time("overhead", "Stamped: `latency` minus the provider's own time on the answer; no cache hits."),
    _time("overhead_ttft", "Stamped: `ttft` minus the provider's own on the answer; streams, no cache hits."),
    _time("reported_overhead", "What the gateway says that it added; not checked by anybody. No cache hits."),
    _time("reported_upstream", "What the gateway says that it waited for its provider. No cache hits."),
    Metric(
        "paired_overhead",
        Kind.DIFFERENCE,
        "s",
        "Quantile of `latency` through the gateway minus that straight to the provider; no cache hits.",
        True,
    ),
    Metric(
        "paired_overhead_ttft",
        Kind.DIFFERENCE,
        "s",
        "Quantile of `ttft` through the gateway minus that straight to the provider; no cache hits.",
        True,
    ),
    Metric(
        "input_tokens", Kind.COUNTER, "1", "Prompt tokens of successful calls, as the server counts them."
    ),
    Metric(
        "output_tokens", Kind.COUNTER, "1", "Generated tokens of successful calls, as the server counts them."
    ),
    Metric(
        "estimated_tokens",
        Kind.COUNTER,
        "1",
        "Output tokens that we estimated because the server sent no usage.",
    ),
    Metric(
        "cached_input_tokens",
        Kind.COUNTER,
        "1",
        "Prompt tokens that the provider had in its own prompt cache; no answer of a gateway's cache.",
    ),
    Metric("requests", Kind.COUNTER, "1", "Calls that ended, in success or in failure."),
    Metric("failures", Kind.COUNTER, "1", "Calls that failed, of any class."),
    Metric("interrupted", Kind.COUNTER, "1", "Calls that we stopped ourselves: neither success nor failure."),
    Metric(
        "reconnects",
        Kind.COUNTER,
        "1",
        "Kept connections that the server had closed; the call went out on a new one.",
    ),
    Metric(
        "dropped_starts",
        Kind.COUNTER,
        "1",
        "Calls that were due and found max_in_flight calls under way: never made; open arrivals.",
    ),
    Metric(
        "late_starts",
        Kind.COUNTER,
        "1",
        "Calls that began more than 10 ms after they were due; open arrivals.",
    ),
    Metric(
        "ws_messages",
        Kind.COUNTER,
        "1",
        "Messages that came on WebSockets, whatever was in them; pings and closes are none.",
    ),
    Metric(
        "ws_drops",
        Kind.COUNTER,
        "1",
        "WebSockets that the server ended, with or without a close frame, in a call or between two.",
    ),
    Metric("bytes_sent", Kind.COUNTER, "B", "Bytes written to sockets."),
    Metric("bytes_received", Kind.COUNTER, "B", "Bytes read from sockets."),
    Metric(
        "cost", Kind.COUNTER, "USD", "Cost of the calls: the gateway's figure, else the target's price table."
    ),
    Metric("cost_per_request", Kind.AMOUNT, "USD", "Cost of each call whose cost is known.", True),
    Metric("request_rate", Kind.RATE, "1/s", "Calls that ended per second."),
    Metric("offered_rate", Kind.RATE, "1/s", "Calls that were due per second, made or not; open arrivals."),
    Metric("ws_messages_rate", Kind.RATE, "1/s", "Messages that came on WebSockets per second."),
    Metric("output_tokens_rate", Kind.RATE, "1/s", "Generated tokens per second."),
    Metric("input_tokens_rate", Kind.RATE, "1/s", "Prompt tokens per second."),
    Metric("success_rate", Kind.SHARE, "1", "Successful calls ÷ all that ended, interrupted ones left out."),
    Metric("error_rate", Kind.SHARE, "1", "Failed calls ÷ all that ended, interrupted ones left out."),
    Metric("rate_limited_rate", Kind.SHARE, "1", "Calls answered 429 or 529 ÷ all that ended."),
    Metric(
        "cache_hit_rate",
        Kind.SHARE,
        "1",
        "Calls that the gateway answered from its cache ÷ hits and misses.",
    ),
    Metric(
        "fallback_rate",
        Kind.SHARE,
        "1",
        "Calls that another than the first provider answered ÷ calls whose gateway says whether.",
        True,
    ),
    Metric(
        "prompt_cache_rate",
        Kind.SHARE,
        "1",
        "Prompt tokens from the provider's own prompt cache ÷ prompt tokens of calls that tell them.",
    ),
    Metric(
        "rate_limit_headroom",
        Kind.AMOUNT,
        "1",
        "Share of the rate limit that is left, of requests or tokens, whichever is scarcer; of all answers.",
    ),
    Metric(
        "encoded_bytes", Kind.COUNTER, "B", "Bodies of successful answers that came compressed, as they came."
    ),
    Metric("decoded_bytes", Kind.COUNTER, "B", "The same bodies, decompressed."),
    Metric(
        "compressed_rate",
        Kind.SHARE,
        "1",
        "Successful answers that came compressed ÷ successful calls that asked for it.",
    ),
    Metric(
        "compression_ratio",
        Kind.AMOUNT,
        "x",
        "Decompressed ÷ compressed size of the body, per compressed answer.",
        True,
    ),
    Metric(
        "availability",
        Kind.SHARE,
        "1",
        "Calls that got an answer other than 5xx or none at all ÷ all that ended.",
    ),
    Metric(
        "goodput", Kind.SHARE, "1", "Calls that met every per-call objective of the SLO ÷ all that ended."
    ),
    Metric("dropped_rate", Kind.SHARE, "1", "Dropped starts ÷ calls that were due; open arrivals."),
    Metric("late_rate", Kind.SHARE, "1", "Late starts ÷ calls that were due and not dropped; open arrivals."),
    Metric(
        "retries",
        Kind.COUNTER,
        "1",
        "Attempts that were refused (429, 529) and made again: `rate_limits: honour`.",
    ),
    Metric("check_rate", Kind.SHARE, "1", "Checks of the profile's `expect:` that calls met ÷ checks made."),
    Metric(
        "latency_drift",
        Kind.DRIFT,
        "1/h",
        "How fast the median of latency rises over the judged time: its share of itself an hour.",
        True,
    ),
    Metric("ttft_drift", Kind.DRIFT, "1/h", "The same of the time to the first token; streams.", True),
    _time(
        "recovery_time",
        "From an action's injection until the error rate is back under its limit and stays there 5 s.",
        is_success_only=False,
    ),
    _time(
        "failover_time",
        "From an action until most answers come from another provider than the one that is usual.",
        is_success_only=False,
    ),
    _time(
        "return_time",
        "From an action until most answers come from the usual provider again.",
        is_success_only=False,
    ),
    Metric("users", Kind.GAUGE, "1", "Simulated users running."),
    Metric("ws_open", Kind.GAUGE, "1", "WebSockets open on all load generators together."),
    _time("generator_lag", "How late the gevent hub ran a timer that was due.", is_success_only=False),
    _time(
        "gc_pause",
        "How long Python's garbage collector held a load-generator process, each time.",
        is_success_only=False,
    ),
    Metric("generator_cpu", Kind.GAUGE, "cores", "CPU used by one load-generator process, 1 = a whole core."),
    _monitored(
        "target_memory", Kind.GAUGE, "B", "Resident memory of the target's processes, children included."
    ),
    _monitored(
        "target_cpu",
        Kind.GAUGE,
        "share",
        "CPU that they use ÷ the cores of their machine or container.",
    ),
    _monitored("target_cores", Kind.GAUGE, "cores", "CPU that they use, 1 = a whole core."),
    _monitored("target_threads", Kind.GAUGE, "1", "Threads that they have."),
    _monitored("target_sockets", Kind.GAUGE, "1", "Sockets that they have open, listening ones included."),
    _monitored("target_requests", Kind.COUNTER, "1", "Calls that the target says it had."),
    _monitored("target_latency", Kind.TIME, "s", "How long calls took, as the target says."),
    _monitored("target_ttft", Kind.TIME, "s", "Time to the first token, as the target says."),
    _monitored("target_overhead", Kind.TIME, "s", "What the target says that it added to calls."),
    _monitored("target_cache_hits", Kind.COUNTER, "1", "Calls that the target says its cache answered."),
    _monitored("target_cache_misses", Kind.COUNTER, "1", "Calls that the target says no cache could answer."),
    _monitored(
        "target_cache_hit_rate", Kind.SHARE, "1", "`target_cache_hits` ÷ those and `target_cache_misses`."
    ),
    _monitored("target_input_tokens", Kind.COUNTER, "1", "Prompt tokens, as the target counts them."),
    _monitored("target_output_tokens", Kind.COUNTER, "1", "Generated tokens, as the target counts them."),
    _monitored("target_tokens", Kind.COUNTER, "1", "Both together, as the target counts them."),
    _monitored("target_cost", Kind.COUNTER, "USD", "What the target says that calls cost."),
    _monitored("redis_memory", Kind.GAUGE, "B", "`used_memory` of the Redis that the target uses."),
    _monitored("redis_clients", Kind.GAUGE, "1", "`connected_clients` of that Redis."),
    _monitored("redis_commands", Kind.COUNTER, "1", "`total_commands_processed` of that Redis."),
    _monitored("redis_hits", Kind.COUNTER, "1", "`keyspace_hits` of that Redis."),
    _monitored("redis_misses", Kind.COUNTER, "1", "`keyspace_misses` of that Redis."),
    _monitored("redis_hit_rate", Kind.SHARE, "1", "`redis_hits` ÷ those and `redis_misses`."),
    _monitored("redis_evictions", Kind.COUNTER, "1", "`evicted_keys` of that Redis."),
)

_OWN_NAME: Final = re.compile(r"target_[a-z][a-z0-9_]{0,60}")
# What the end of a name says; the first that fits.
_ENDINGS: Final = (
    ("_bytes_total", Kind.COUNTER, "B"),
    ("_usd_total", Kind.COUNTER, "USD"),
    ("_total", Kind.COUNTER, "1"),
    ("_bytes", Kind.GAUGE, "B"),
    ("_seconds", Kind.TIME, "s"),
    ("_ms", Kind.TIME, "s"),
    ("", Kind.GAUGE, "1"),
)


class Catalogue(Mapping[str, Metric]):
    """Metrics by name. It lists the rows, and has those besides that a user may give a target's figures."""

    def __init__(self, rows: tuple[Metric, ...]) -> None:
        self._rows = {metric.name: metric for metric in rows}

    def __getitem__(self, name: str) -> Metric:
        found = self._rows.get(name)
        if found is None:
            if not isinstance(name, str) or not _OWN_NAME.fullmatch(name):
                raise KeyError(name)
            kind, unit = next((kind, unit) for end, kind, unit in _ENDINGS if name.endswith(end))
            found = Metric(name, kind, unit, "As the target's file has it.", is_monitored=True)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


METRICS: Final = Catalogue(_ROWS)
# share → the counters of its part and of the rest
MONITORED_SHARES: Final = MappingProxyType(
    {
        "target_cache_hit_rate": ("target_cache_hits", "target_cache_misses"),
        "redis_hit_rate": ("redis_hits", "redis_misses"),
    }
)

# Counted by the schedule of open arrivals, before there is an answer or even a call.
OF_STARTS: Final = frozenset({"offered_rate", "dropped_starts", "late_starts", "dropped_rate", "late_rate"})
