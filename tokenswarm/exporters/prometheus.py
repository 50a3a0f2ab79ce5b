"""A run's standing in Prometheus's text format. Pure: it renders what it is given.

    tokenswarm_outcomes_total{outcome}                 every outcome there is, from 0 on
    tokenswarm_calls_total{outcome,prompt,stream,…}    counters, one sample for each set of labels
    tokenswarm_latency_seconds_bucket{le,…}            histograms since the start, with few labels
    tokenswarm_latency_quantile_seconds{quantile}      within 0.5 %, of all judged calls so far
    tokenswarm_target_memory_bytes{monitor}            what monitors read of the target, as it is now
    tokenswarm_threshold_state{line}                   0 holds, 1 warning, 2 broken, -1 not known yet

Every sample has the label `run`: a scrape never mixes two runs. Prometheus can't see the increase that a
series is born with, and with each stage new ones are: outcomes, without a stage, show none of those dents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tokenswarm.metrics.call import OUTCOMES, PROVIDER
from tokenswarm.metrics.catalogue import METRICS, MONITORED_SHARES, Kind
from tokenswarm.metrics.health_limits import LIMITS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.prometheus_names import PREFIX, UNITS, family_of
from tokenswarm.metrics.series import Labels
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.metrics.standing import ENDED, STATE_NUMBERS, Standing

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
# Eight to a decade, from 0.1 ms to 100 s: what lies between two is within 15 % of their middle.
TIME_BOUNDS_S: Final = tuple(round(1e-4 * 10 ** (i / 8), 8) for i in range(49))
AMOUNT_BOUNDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 2, 5, 10, 100)
# A histogram has fifty lines: only labels that charts part it by.
_OF_HISTOGRAMS: Final = ("stage", "stream", "arm", "cache")
_OF_COUNTERS: Final = ("stage", *(name for name in Labels._fields if name != "scenario"))
_SHOWN_SHARES: Final = ("error_rate", "cache_hit_rate", "fallback_rate", "goodput", "availability")
_LIMITS: Final = {
    "generator_cpu": ("generator_cpu_peak", "generator_cpu"),
    "generator_lag": ("generator_lag",),
}
_SHOWN_RATES: Final = ("request_rate", "output_tokens_rate")


def exposition(standing: Standing) -> bytes:
    """All of it, as a scrape wants it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(standing))
    return generate_latest(registry)


class _Scrape(Collector):
    """One standing as families of metrics."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._run = [standing.run]

    def collect(self) -> Iterable[Metric]:
        """In the order of the catalogue."""
        yield from self._run_families()
        yield self._outcomes()
        yield self._calls()
        yield from self._counters()
        yield from self._histograms()
        yield from self._figures()
        yield from self._thresholds()
        yield from self._workers()
        yield from self._limits()
        yield from self._monitors()

    def _run_families(self) -> Iterator[Metric]:
        standing = self._standing
        info = InfoMetricFamily(f"{PREFIX}run", "What is run, and against what.", labels=["run"])
        said = {name: getattr(standing, name) for name in ("profile", "target", "scenario", "model", "state")}
        info.add_metric(self._run, {**said, "stage": standing.stage})
        yield info
        yield self._gauge("elapsed_seconds", "Since the run's start.", standing.elapsed_s)
        yield self._gauge("planned_seconds", "How long the profile lasts.", standing.total_s)
        yield self._gauge("users", METRICS["users"].definition, standing.users)
        yield self._gauge("ws_open", METRICS["ws_open"].definition, standing.sockets)

    def _outcomes(self) -> Metric:
        """All of them, from the start: a first error would be no increase to Prometheus."""
        counts = dict.fromkeys(OUTCOMES, 0.0)
        for key, series in self._standing.totals.each():
            if key.labels.outcome in counts and key.labels.arm != PROVIDER:
                counts[key.labels.outcome] += series.counts.get("calls", 0)
        family = CounterMetricFamily(
            f"{PREFIX}outcomes",
            "Calls through the gateway that ended, warm-ups included, by how.",
            labels=["run", "outcome"],
        )
        for outcome, count in counts.items():
            family.add_metric([*self._run, outcome], count)
        return family

    def _calls(self) -> Metric:
        family = CounterMetricFamily(
            f"{PREFIX}calls", "Calls that ended, by all their labels.", labels=["run", *_OF_COUNTERS]
        )
        for key, series in self._standing.totals.each():
            if calls := series.counts.get("calls"):
                family.add_metric([*self._run, key.stage, *_values(key.labels, _OF_COUNTERS[1:])], calls)
        return family

    def _counters(self) -> Iterator[Metric]:
        sums: dict[str, dict[tuple[str, ...], float]] = defaultdict(lambda: defaultdict(float))
        for key, series in self._standing.totals.each():
            labels = (key.stage, *_values(key.labels, ("prompt", "stream", "arm", "provider", "model")))
            for name, count in series.counts.items():
                if name in METRICS and METRICS[name].kind is Kind.COUNTER:
                    sums[name][labels] += count
        for name, metric in METRICS.items():
            if name in sums:
                family = CounterMetricFamily(
                    f"{PREFIX}{name}",
                    metric.definition,
                    labels=["run", "stage", "prompt", "stream", "arm", "provider", "model"],
                )
                for labels, count in sums[name].items():
                    family.add_metric([*self._run, *labels], count)
                yield family

    def _histograms(self) -> Iterator[Metric]:
        merged: dict[str, dict[tuple[str, ...], Histogram]] = defaultdict(dict)
        for key, series in self._standing.totals.each():
            labels = (key.stage, *_values(key.labels, _OF_HISTOGRAMS[1:]))
            for name, histogram in series.values.items():
                if METRICS[name].is_success_only and key.labels.outcome not in ("", "success"):
                    continue
                merged[name].setdefault(labels, Histogram()).merge(histogram)
        # Times of the target may have names of the user's own, which the catalogue does not list.
        for name in (*(name for name in METRICS if name in merged), *sorted(merged.keys() - set(METRICS))):
            metric = METRICS[name]
            bounds = TIME_BOUNDS_S if metric.kind is Kind.TIME else AMOUNT_BOUNDS
            family = HistogramMetricFamily(
                family_of(name), metric.definition, labels=["run", *_OF_HISTOGRAMS]
            )
            for labels, histogram in merged[name].items():
                buckets = [(repr(float(bound)), histogram.count - histogram.above(bound)) for bound in bounds]
                family.add_metric(
                    [*self._run, *labels], [*buckets, ("+Inf", histogram.count)], histogram.total
                )
            yield family

    def _figures(self) -> Iterator[Metric]:
        """Figures that no query could make from buckets: of all judged calls since the start."""
        totals, everything = self._standing.totals, Selector()
        for name in ("ttft", "latency", "effective_latency", "icl", "overhead", "overhead_ttft"):
            histogram = totals.histogram(name, everything)
            if histogram.count:
                yield self._summary(name, histogram)
        for name in _SHOWN_SHARES:
            share = totals.read(name, Aggregation("rate"), everything)
            if share.value is not None:
                yield self._gauge(name, METRICS[name].definition, share.value)
        for name in _SHOWN_RATES:
            if self._standing.state != ENDED:
                rate = self._standing.recent.read(name, Aggregation("value"), everything)
                definition = f"{METRICS[name].definition.removesuffix('.')}: of the last seconds."
                yield self._gauge(f"recent_{name}", definition, rate.value or 0.0)

    def _thresholds(self) -> Iterator[Metric]:
        labels = ["run", "line", "metric"]
        state = GaugeMetricFamily(
            f"{PREFIX}threshold_state", "0 holds, 1 warning, 2 broken, -1 not known yet.", labels=labels
        )
        value = GaugeMetricFamily(f"{PREFIX}threshold_value", "The figure judged, base units.", labels=labels)
        limit = GaugeMetricFamily(f"{PREFIX}threshold_limit", "Its limit, base units.", labels=labels)
        for result in self._standing.thresholds:
            own = [*self._run, result.threshold.text, result.threshold.subject.metric]
            state.add_metric(own, STATE_NUMBERS[result.status])
            limit.add_metric(own, result.limit)
            if result.value is not None:
                value.add_metric(own, result.value)
        yield from (state, value, limit)

    def _workers(self) -> Iterator[Metric]:
        labels = ["run", "worker"]
        cores = GaugeMetricFamily(
            f"{PREFIX}generator_cpu_cores", METRICS["generator_cpu"].definition, labels=labels
        )
        is_lost = GaugeMetricFamily(f"{PREFIX}worker_lost", "1 if it is not heard any more.", labels=labels)
        for worker in self._standing.workers:
            is_lost.add_metric([*self._run, worker.name], int(worker.is_lost))
            if worker.cores is not None:
                cores.add_metric([*self._run, worker.name], worker.cores)
        yield from (cores, is_lost)

    def _limits(self) -> Iterator[Metric]:
        """From where on a load generator can't be trusted, for dashboards to draw."""
        for name, limits in _LIMITS.items():
            family = GaugeMetricFamily(
                f"{PREFIX}{name}_limit{UNITS[METRICS[name].unit]}",
                f"The report's limits of {name}.",
                labels=["run", "state"],
            )
            for limit in (LIMITS[one] for one in limits):
                family.add_metric([*self._run, limit.state], limit.value)
            yield family

    def _monitors(self) -> Iterator[Metric]:
        labels = ["run", "monitor"]
        is_up = GaugeMetricFamily(f"{PREFIX}monitor_up", "1 unless its last reading failed.", labels=labels)
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for monitor in self._standing.monitors:
            own = [*self._run, monitor.name]
            is_up.add_metric(own, int(not monitor.problem))
            for name, value in (*monitor.gauges.items(), *monitor.counters.items()):
                metric = METRICS[name]
                kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
                family = families.setdefault(name, kind(family_of(name), metric.definition, labels=labels))
                family.add_metric(own, value)
        yield is_up
        yield from families.values()
        for name in MONITORED_SHARES:
            share = self._standing.totals.read(name, Aggregation("rate"), Selector())
            if share.value is not None:
                yield self._gauge(name, METRICS[name].definition, share.value)

    def _summary(self, name: str, histogram: Histogram) -> Metric:
        """Only a summary may have the label `quantile`; the client's own class for one has no quantiles."""
        full = f"{PREFIX}{name}_quantile_seconds"
        family = Metric(full, METRICS[name].definition, "summary")
        run = {"run": self._standing.run}
        for quantile in QUANTILES:
            value = histogram.quantile(quantile)
            assert value is not None, "it is not empty"
            family.add_sample(full, {**run, "quantile": str(quantile)}, value)
        family.add_sample(f"{full}_count", run, histogram.count)
        family.add_sample(f"{full}_sum", run, histogram.total)
        return family

    def _gauge(self, name: str, definition: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"{PREFIX}{name}", definition, labels=["run"])
        family.add_metric(self._run, value)
        return family


def _values(labels: Labels, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(getattr(labels, name) for name in names)
