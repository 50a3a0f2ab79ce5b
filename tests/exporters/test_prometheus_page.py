"""What a scrape gets, read back by Prometheus's own parser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tokenswarm.exporters.prometheus import TIME_BOUNDS_S, exposition
from tokenswarm.metrics.call import OUTCOMES
from tokenswarm.metrics.catalogue import METRICS, MONITORED_SHARES, Kind
from tokenswarm.metrics.health_limits import LIMITS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.prometheus_names import PREFIX, series_of
from tokenswarm.metrics.series import NO_LABELS, Delta, Series, SeriesKey
from tokenswarm.metrics.standing import ENDED, MonitorStanding, Standing

PROMTOOL = shutil.which("promtool")
Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples_of(standing: Standing) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(exposition(standing).decode()):
        for sample in family.samples:
            found.setdefault(sample.name.removeprefix(PREFIX), []).append((dict(sample.labels), sample.value))
    return found


@pytest.fixture
def page(standing: Callable[..., Standing]) -> Samples:
    return samples_of(standing())


def test_every_sample_says_which_run_it_is_of(page: Samples) -> None:
    """A dashboard never adds up two runs."""
    assert {labels["run"] for samples in page.values() for labels, _ in samples} == {"20260101-run"}


def test_calls_add_up_whatever_the_labels_hold(page: Samples) -> None:
    """Warm-ups and the provider's arm are told apart, and a name with quotes and line breaks is whole."""
    calls = page["calls_total"]
    assert sum(value for _, value in calls) == 5
    assert sum(value for labels, value in calls if labels["outcome"] == "http_5xx") == 1
    assert sum(value for labels, value in calls if labels["stage"] == "warm-up") == 1
    assert sum(value for labels, value in calls if labels["arm"] == "provider") == 1
    assert {labels["model"] for labels, _ in calls} == {'a "model", with\\everything=\nin it\\'}
    assert [value for _, value in page["output_tokens_total"]] == [30]
    assert [value for _, value in page["cost_total"]] == [0.5]


def test_every_outcome_is_counted_before_it_happens(page: Samples) -> None:
    """To Prometheus a series that begins with ten errors has no increase; the other arm's are left out."""
    outcomes = {labels["outcome"]: value for labels, value in page["outcomes_total"]}
    assert list(outcomes) == list(OUTCOMES)
    assert {name: count for name, count in outcomes.items() if count} == {"success": 3, "http_5xx": 1}


def test_a_histogram_counts_successful_calls_up_to_each_bound(page: Samples) -> None:
    """A failed call of 9 s is in no bucket of latency; sums are exact."""
    buckets = [
        (float(labels["le"]), value)
        for labels, value in page["latency_seconds_bucket"]
        if (labels["stage"], labels["arm"]) == ("hold", "gateway")
    ]
    assert [bound for bound, _ in buckets] == [*TIME_BOUNDS_S, float("inf")]
    assert [value for _, value in buckets] == sorted(value for _, value in buckets)
    counted = dict(buckets)
    assert max(value for bound, value in buckets if bound < 0.099) == 0
    assert {value for bound, value in buckets if 0.102 < bound < 0.198} == {1}
    assert counted[float("inf")] == 2
    (total,) = (
        value
        for labels, value in page["latency_seconds_sum"]
        if (labels["stage"], labels["arm"]) == ("hold", "gateway")
    )
    assert total == pytest.approx(0.3)


def test_quantiles_are_of_judged_calls_and_nothing_unmeasured_is_there(page: Samples) -> None:
    """Exact ones, as the report has them."""
    shown = {labels["quantile"]: value for labels, value in page["latency_quantile_seconds"]}
    assert shown["0.99"] == pytest.approx(0.2, rel=0.005)
    assert "overhead_quantile_seconds" not in page
    assert "cache_hit_rate" not in page
    assert [value for _, value in page["error_rate"]] == [pytest.approx(1 / 3)]


def test_quantiles_are_those_of_a_summary(standing: Callable[..., Standing]) -> None:
    """No other kind of metric may have that label; their count and sum say of how many calls they are."""
    families = {
        family.name: family
        for family in text_string_to_metric_families(exposition(standing()).decode())
        if any("quantile" in sample.labels for sample in family.samples)
    }
    assert {family.type for family in families.values()} == {"summary"}
    latency = families["tokenswarm_latency_quantile_seconds"].samples
    rest = {sample.name.rpartition("_")[2]: sample.value for sample in latency if len(sample.labels) == 1}
    assert rest == {"count": 2, "sum": pytest.approx(0.3)}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_prometheus_finds_nothing_to_blame(standing: Callable[..., Standing]) -> None:
    """Its own linter knows the conventions for names, units, kinds and help."""
    checked = subprocess.run(
        [str(PROMTOOL), "check", "metrics"], input=exposition(standing()), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_what_is_of_the_moment_ends_with_the_run(standing: Callable[..., Standing]) -> None:
    """A web UI's page stays: the last rates would stand on it until the next run."""
    assert "recent_request_rate" in samples_of(standing())
    page = samples_of(standing(state=ENDED))
    assert not [name for name in page if name.startswith("recent_")]
    assert sum(value for _, value in page["calls_total"]) == 5


def test_thresholds_have_their_state(page: Samples) -> None:
    """Holds, broken, not known: 0, 2 and -1."""
    states = {labels["line"]: value for labels, value in page["threshold_state"]}
    assert states == {"latency: p(50) < 150ms": 0, "error_rate: < 1%": 2, "overhead: p(50) < 1ms": -1}
    limits = {labels["metric"]: value for labels, value in page["threshold_limit"]}
    assert limits == {"latency": 0.15, "error_rate": 0.01, "overhead": 0.001}
    assert {labels["metric"] for labels, _ in page["threshold_value"]} == {"latency", "error_rate"}


def test_load_generators_are_there(page: Samples) -> None:
    """Their CPU, who is lost, how late their hubs were; sockets of those that are not lost."""
    assert page["generator_cpu_cores"] == [({"run": "20260101-run", "worker": "worker-1"}, 0.25)]
    assert {labels["worker"]: value for labels, value in page["worker_lost"]} == {
        "worker-1": 0,
        "worker-2": 1,
    }
    assert [value for _, value in page["generator_lag_seconds_count"]] == [1]
    assert [value for _, value in page["ws_open"]] == [2]
    assert [value for _, value in page["users"]] == [7]


def test_limits_of_load_generators_are_those_of_the_report(page: Samples) -> None:
    """A dashboard draws what the verdict is judged by, and has no number of its own."""
    assert {labels["state"]: value for labels, value in page["generator_cpu_limit_cores"]} == {
        "warning": LIMITS["generator_cpu_peak"].value,
        "bad": LIMITS["generator_cpu"].value,
    }
    assert [value for _, value in page["generator_lag_limit_seconds"]] == [LIMITS["generator_lag"].value]
    dashboard = (Path(__file__).parents[2] / "deploy/grafana/dashboards/tokenswarm.json").read_text()
    for panel in json.loads(dashboard)["panels"]:
        assert not re.search(r"[0-9]\.[0-9]", panel.get("description", "")), panel["title"]


def test_figures_of_a_target_are_called_as_foretold(standing: Callable[..., Standing]) -> None:
    """By this a target's file is refused if two of them would have one name; no two that are known have."""
    known = [name for name in METRICS if METRICS[name].is_monitored and name not in MONITORED_SHARES]
    own = ["target_requests_total", "target_memory_bytes", "target_latency_seconds", "target_x_bytes_total"]
    for name in (*known, *own, "target_x_ms", "target_x_ms_seconds", "target_x_seconds_count", "target_x"):
        kind = METRICS[name].kind
        totals = Measurements((), 1e9)
        time = Histogram()
        time.fold([0.1])
        times = {name: time} if kind is Kind.TIME else {}
        totals.absorb(Delta(1.0, {SeriesKey(6, "", NO_LABELS): Series({}, times)}))
        gauges, grown = ({name: 1.0} if kind is one else {} for one in (Kind.GAUGE, Kind.COUNTER))
        read = MonitorStanding("m", "", gauges, grown, {})
        page = samples_of(standing(totals=totals, thresholds=(), monitors=(read,)))
        found = {PREFIX + one for one in page if one.startswith(("target_", "redis_"))}
        assert found == set(series_of(name))
    everything = [series for name in known for series in series_of(name)]
    assert len(everything) == len(set(everything)) > 20


def test_what_monitors_read_is_there_with_its_unit(monitored: Standing) -> None:
    """By monitor and nothing else; one whose last reading failed has no gauges, but its counters stand."""
    page = samples_of(monitored)
    process = {"run": "20260101-run", "monitor": "process litellm"}
    assert page["target_memory_bytes"] == [(process, 512e6)]
    assert page["target_cpu"] == [(process, 0.25)]
    assert page["target_cores"] == [(process, 0.5)]
    assert page["target_queue_bytes"][0][1] == 1e3
    assert [value for _, value in page["target_requests_total"]] == [40]
    assert [value for _, value in page["target_errors_total"]] == [2]
    assert [value for _, value in page["redis_hits_total"]] == [7]
    up = {labels["monitor"]: value for labels, value in page["monitor_up"]}
    assert up == {"process litellm": 1, "prometheus http://h/metrics": 1, "redis redis://h:1": 0}
    assert [value for _, value in page["target_cache_hit_rate"]] == [0.75]


def test_times_of_the_target_are_histograms_whatever_they_are_called(monitored: Standing) -> None:
    """Those of the catalogue and those with a name of the user's own."""
    page = samples_of(monitored)
    assert [value for _, value in page["target_latency_seconds_count"]] == [2]
    assert [value for _, value in page["target_logged_ms_seconds_sum"]] == [pytest.approx(0.2)]


def test_thresholds_on_the_target_have_their_state(monitored: Standing) -> None:
    """Of judged stages: the warm-up's nine gigabytes break nothing."""
    states = {labels["metric"]: value for labels, value in samples_of(monitored)["threshold_state"]}
    assert states == {"target_memory": 0, "target_cache_hit_rate": 2}


def test_without_monitors_nothing_is_said_of_the_target(page: Samples) -> None:
    """A run that watches nothing has no such metric."""
    assert not [name for name in page if name.startswith(("target_", "redis_", "monitor_"))]
