"""What the mock counts: plain integers on the hot path, Prometheus families when someone asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

LAG_BOUNDS_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)


class LagHistogram:
    """How late the event loop woke up for what was due: the mock's own saturation."""

    def __init__(self) -> None:
        self.counts = [0] * (len(LAG_BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, lag_s: float) -> None:
        self.counts[bisect_left(LAG_BOUNDS_S, lag_s)] += 1
        self.sum_s += lag_s

    def cumulative(self) -> list[tuple[str, float]]:
        """Counts up to each bound, as Prometheus wants them."""
        total = 0
        rows: list[tuple[str, float]] = []
        for bound_s, number in zip((*LAG_BOUNDS_S, float("inf")), self.counts, strict=True):
            total += number
            rows.append((str(bound_s) if bound_s != float("inf") else "+Inf", total))
        return rows


class Tally:
    """Counters of one mock. `received` = answered + cut by the client + cut by the mock + in flight."""

    def __init__(self) -> None:
        self.received = 0
        self.answered: Counter[tuple[bool, int]] = Counter()  # by (is streamed, status)
        self.cut_by_client = 0
        self.cut_by_mock = 0
        self.stream_events = 0
        self.lag = LagHistogram()

    @property
    def in_flight(self) -> int:
        return self.received - self.answered.total() - self.cut_by_client - self.cut_by_mock


class TallyCollector(Collector):
    """Reads a Tally when Prometheus scrapes."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        tally = self._tally
        yield CounterMetricFamily(
            "tokenswarm_mock_calls_received", "Calls whose request arrived whole.", value=tally.received
        )
        answered = CounterMetricFamily(
            "tokenswarm_mock_calls", "Calls answered to their last byte.", labels=("stream", "status")
        )
        for (is_stream, status), number in sorted(tally.answered.items()):
            answered.add_metric((str(is_stream).lower(), str(status)), number)
        yield answered
        cut = CounterMetricFamily(
            "tokenswarm_mock_calls_cut",
            "Calls whose connection ended before their answer did.",
            labels=("by",),
        )
        cut.add_metric(("client",), tally.cut_by_client)
        cut.add_metric(("mock",), tally.cut_by_mock)
        yield cut
        yield GaugeMetricFamily(
            "tokenswarm_mock_calls_in_flight", "Calls received and not yet ended.", value=tally.in_flight
        )
        yield CounterMetricFamily(
            "tokenswarm_mock_stream_events", "Server-sent events written.", value=tally.stream_events
        )
        yield lag_family(tally.lag)


def lag_family(lag: LagHistogram) -> Metric:
    """The lag as Prometheus wants it."""
    return HistogramMetricFamily(
        "tokenswarm_mock_loop_lag_seconds",
        "How late the event loop woke up for what was due.",
        buckets=lag.cumulative(),
        sum_value=lag.sum_s,
    )


def make_registry(tally: Tally) -> CollectorRegistry:
    """A registry with the tally and the process's CPU seconds and memory."""
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally))
    ProcessCollector(registry=registry)
    return registry
