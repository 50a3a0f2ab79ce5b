"""Numbers of one set of labels that wait to be folded into histograms."""

from __future__ import annotations

from typing import Final

from tokenswarm.metrics.series import (
    COMPRESSION_ASKED,
    FALLBACK_TOLD,
    FELL_BACK,
    IMPLIED_MISSES,
    PROMPT_CACHE_TOLD,
    REPEATS,
)

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


class Pending:
    """Numbers of one key since the last fold; plain lists, because they are appended to in the hot path."""

    __slots__ = (
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
    )

    def __init__(self) -> None:
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
