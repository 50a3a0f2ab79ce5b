"""What the gateway counts, under the names that dashboards for LLM gateways ask for."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tokenswarm.mock.proxy.semantic_cache import SemanticCache
from tokenswarm.mock.proxy.upstream import Upstream

_BOUNDS_MS: Final = (
    *(0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 35.0, 50.0, 75.0, 100.0, 150.0),
    *(200.0, 300.0, 500.0, 750.0, 1000.0, 2000.0, 5000.0, 10000.0, 30000.0),
)


class Histogram:
    """Milliseconds in buckets."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_MS) + 1)
        self._sum = 0.0

    def observe(self, ms: float) -> None:
        self._counts[bisect_left(_BOUNDS_MS, ms)] += 1
        self._sum += ms

    def add_to(self, family: HistogramMetricFamily, labels: Iterable[str], scale: float = 1.0) -> None:
        """The buckets, cumulative, with bounds and sum times `scale`."""
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*_BOUNDS_MS, float("inf")), self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else f"{bound * scale:g}", total))
        family.add_metric(tuple(labels), buckets, self._sum * scale)


class GatewayTally:
    """Counters of one gateway. `received` = answered + cut by the client + cut by the gateway + in flight."""

    def __init__(self) -> None:
        self.received = 0
        self.answered: Counter[tuple[str, int]] = Counter()  # by (provider or empty, status)
        self.cut_by_client = 0
        self.cut_by_mock = 0
        self.hits: Counter[str] = Counter()  # by layer
        self.misses = 0
        self.tokens: Counter[tuple[str, str]] = Counter()  # by (provider, kind)
        self.cost_usd: dict[str, float] = {}
        self.attempts: Counter[tuple[str, str]] = Counter()  # by (upstream, status or reason)
        self.failovers: Counter[str] = Counter()  # by the upstream that was left
        self.limited = 0
        self.duration: dict[str, Histogram] = {}
        self.overhead = Histogram()

    @property
    def in_flight(self) -> int:
        return self.received - self.answered.total() - self.cut_by_client - self.cut_by_mock

    def took(self, provider: str, ms: float) -> None:
        self.duration.setdefault(provider, Histogram()).observe(ms)


class GatewayCollector(Collector):
    """Reads the tally, the upstreams and the cache when Prometheus scrapes."""

    def __init__(
        self,
        tally: GatewayTally,
        upstreams: list[Upstream],
        l2: SemanticCache | None,
        lag: Callable[[], Metric],
    ) -> None:
        self._tally = tally
        self._upstreams = upstreams
        self._l2 = l2
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        yield from self._calls()
        yield from self._caches()
        yield from self._durations()
        yield from self._money()
        yield from self._health()

    def _calls(self) -> Iterator[Metric]:
        answered = sorted(self._tally.answered.items())
        both = (("requests", "Calls answered."), ("http_requests", "The same, by status alone."))
        requests, http_requests = (
            CounterMetricFamily(name, text, labels=labels)
            for (name, text), labels in zip(both, (("provider", "status"), ("status",)), strict=True)
        )
        by_status: Counter[int] = Counter()
        for (provider, status), number in answered:
            requests.add_metric((provider, str(status)), number)
            by_status[status] += number
        for status, number in sorted(by_status.items()):
            http_requests.add_metric((str(status),), number)
        yield requests
        yield http_requests
        yield _counter("tokenswarm_mock_gateway_received", "Calls that arrived whole.", self._tally.received)
        cut = CounterMetricFamily(
            "tokenswarm_mock_gateway_cut", "Calls cut before their end.", labels=("by",)
        )
        cut.add_metric(("client",), self._tally.cut_by_client)
        cut.add_metric(("gateway",), self._tally.cut_by_mock)
        yield cut
        yield _counter(
            "tokenswarm_mock_gateway_limited", "Calls refused for their rate.", self._tally.limited
        )
        yield GaugeMetricFamily(
            "tokenswarm_mock_gateway_in_flight", "Calls not yet ended.", value=self._tally.in_flight
        )

    def _caches(self) -> Iterator[Metric]:
        hits, misses = self._tally.hits, self._tally.misses
        family = CounterMetricFamily("llm_edge_cache_hits", "Calls answered from a cache.", labels=("tier",))
        for tier in ("l1", "l2"):
            family.add_metric((tier,), hits[tier])
        yield family
        yield _counter("llm_edge_cache_misses", "Calls that no cache could answer.", misses)
        yield _counter("cache_hits", "The hits of all tiers.", hits.total())
        yield _counter("cache_requests", "Calls that a cache was asked for.", hits.total() + misses)
        if self._l2 is not None:
            yield _counter(
                "tokenswarm_mock_gateway_l2_errors", "Look-ups and stores that failed.", self._l2.errors
            )

    def _durations(self) -> Iterator[Metric]:
        duration = HistogramMetricFamily(
            "llm_edge_request_duration_ms", "From the whole request to the last byte.", labels=("provider",)
        )
        seconds = HistogramMetricFamily(
            "request_latency_seconds", "The same in seconds.", labels=("provider",)
        )
        for provider, histogram in sorted(self._tally.duration.items()):
            histogram.add_to(duration, (provider,))
            histogram.add_to(seconds, (provider,), 0.001)
        yield duration
        yield seconds
        overhead = HistogramMetricFamily(
            "tokenswarm_mock_gateway_overhead_ms", "What was added to upstreams' own times, misses only."
        )
        self._tally.overhead.add_to(overhead, ())
        yield overhead

    def _money(self) -> Iterator[Metric]:
        tokens = CounterMetricFamily("llm_edge_tokens", "Tokens of answers.", labels=("provider", "type"))
        for (provider, kind), number in sorted(self._tally.tokens.items()):
            tokens.add_metric((provider, kind), number)
        yield tokens
        cost = CounterMetricFamily("llm_edge_cost_usd", "What upstreams cost.", labels=("provider",))
        for provider, usd in sorted(self._tally.cost_usd.items()):
            cost.add_metric((provider,), usd)
        yield cost

    def _health(self) -> Iterator[Metric]:
        attempts = CounterMetricFamily(
            "tokenswarm_mock_gateway_attempts",
            "Tries at upstreams, by status or reason.",
            labels=("upstream", "outcome"),
        )
        for (name, outcome), number in sorted(self._tally.attempts.items()):
            attempts.add_metric((name, outcome), number)
        yield attempts
        failovers = CounterMetricFamily(
            "tokenswarm_mock_gateway_failovers", "Calls that left an upstream for the next.", labels=("from",)
        )
        circuit = GaugeMetricFamily(
            "tokenswarm_mock_gateway_circuit", "0 closed, 1 half-open, 2 open.", labels=("upstream",)
        )
        in_flight = GaugeMetricFamily(
            "tokenswarm_mock_gateway_upstream_in_flight", "Calls at an upstream.", labels=("upstream",)
        )
        for upstream in self._upstreams:
            failovers.add_metric((upstream.name,), self._tally.failovers[upstream.name])
            circuit.add_metric((upstream.name,), upstream.breaker.state)
            in_flight.add_metric((upstream.name,), upstream.in_flight)
        yield from (failovers, circuit, in_flight, self._lag())


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
