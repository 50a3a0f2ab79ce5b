"""What a gateway added, three ways, as collected from calls: never from a cache's answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import Aggregation, Selector, Span, StageSpan
from tokenswarm.metrics.spent import BY_CACHE, BY_PROVIDER, BY_UNKNOWN, CALLS, PARTS, count_name
from tokenswarm.metrics.threshold_check import Surroundings, check_expression, check_subject
from tokenswarm.metrics.threshold_grammar import parse_expression, parse_subject
from tokenswarm.metrics.thresholds import Level, Status, Threshold

ALL = Selector()
MEDIAN, MAXIMUM, COUNT = Aggregation("med"), Aggregation("max"), Aggregation("count")


def answered(*, first_s: float = 0.05, latency_s: float = 0.2, at_s: float = 1.0, **facts: Any) -> CallRecord:
    """A stream sent at that time of the run, with its first token and end so much later."""
    record = CallRecord(at_s)
    record.stage, record.prompt, record.stream, record.status = "hold", "short", True, 200
    record.started_at_s = record.sent_at_s = at_s
    record.headers_at_s = at_s + first_s / 2
    record.content_at_s = [at_s + first_s, at_s + latency_s]
    record.ended_at_s = at_s + latency_s
    for name, value in facts.items():
        setattr(record, name, value)
    return record


def measured(calls: Iterable[CallRecord]) -> Measurements:
    """What a master knows of these calls, by way of the wire."""
    collector = Collector(0.0, width_s=1.0)
    for call in calls:
        collector.record(call)
    measurements = Measurements((StageSpan("hold", 0, 10),))
    measurements.absorb(Delta.from_wire(json.loads(json.dumps(collector.drain().to_json()))))
    return measurements


def stamped(**facts: Any) -> CallRecord:
    """A call of 200 ms, of which the provider says that 180 are its own; 40 of the first token's 50."""
    return answered(**{"provider_ttft_s": 0.04, "provider_total_s": 0.18, **facts})


def test_stamped_overhead_is_the_call_minus_the_providers_own_time() -> None:
    """Of the whole call, and of the first token; whole answers have only the former."""
    measurements = measured([stamped(), stamped(stream=False, provider_ttft_s=None)])
    assert measurements.read("overhead", MAXIMUM, ALL).value == pytest.approx(0.02)
    assert measurements.read("overhead", COUNT, ALL).value == 2
    assert measurements.read("overhead_ttft", MAXIMUM, ALL).value == pytest.approx(0.01)
    assert measurements.read("overhead_ttft", COUNT, ALL).value == 1


def test_cache_hits_failures_and_calls_without_a_stamp_have_no_overhead() -> None:
    """A stored answer carries the stamps of another call; a failed one says nothing of a good one."""
    said = {"reported_overhead_s": 0.004, "reported_upstream_s": 0.1}
    measurements = measured(
        [
            stamped(cache="hit", **said),
            stamped(outcome="truncated", **said),
            answered(),
            answered(cache="miss"),
        ]
    )
    for metric in ("overhead", "overhead_ttft", "reported_overhead", "reported_upstream"):
        assert measurements.read(metric, COUNT, ALL).value is None, metric


def test_what_the_gateway_says_of_itself_stands_beside_and_not_instead() -> None:
    """Measured gateways say less than they add."""
    measurements = measured([stamped(reported_overhead_s=0.004, reported_upstream_s=0.19)])
    assert measurements.read("reported_overhead", MAXIMUM, ALL).value == pytest.approx(0.004)
    assert measurements.read("reported_upstream", MAXIMUM, ALL).value == pytest.approx(0.19)
    assert measurements.read("overhead", MAXIMUM, ALL).value == pytest.approx(0.02)


def test_parts_of_a_call_add_up_to_its_connect_and_latency() -> None:
    """Whoever answered, and whatever could be told apart."""
    calls = [
        stamped(connect_s=0.03, tls_s=0.02),
        stamped(first_s=0.07),
        stamped(stream=False),
        stamped(cache="hit", latency_s=0.002, first_s=0.001),
        answered(connect_s=0.01),
        answered(stream=False),
        answered(outcome="http_5xx", status=500),
    ]
    measurements = measured(calls)

    def total(answered_by: str, part: str) -> float:
        return measurements.count(count_name(answered_by, part), ALL)

    whole = {BY_PROVIDER: 3 * 0.2 + 0.03, BY_CACHE: 0.002, BY_UNKNOWN: 2 * 0.2 + 0.01}
    for answered_by, seconds in whole.items():
        assert sum(total(answered_by, part) for part in PARTS) == pytest.approx(seconds), answered_by
    assert [total(answered_by, CALLS) for answered_by in whole] == [3, 1, 2]
    assert total(BY_PROVIDER, "tls") == pytest.approx(0.02)
    assert total(BY_PROVIDER, "connect") == pytest.approx(0.01)
    # 10 ms, 30 ms, and of the whole answer what came before its first byte at 25 ms: less than nothing here.
    assert total(BY_PROVIDER, "gateway") == pytest.approx(0.01 + 0.03 + (0.025 - 0.18))
    assert total(BY_UNKNOWN, "waiting") == pytest.approx(0.05 + 0.025)


def arms(calls: int = 400, added_s: float = 0.015, **gateway: Any) -> list[CallRecord]:
    """Two arms of so many calls; their first tokens are spread over 40 ms, their ends over 40 ms more."""
    spread = [(0.02 + 0.04 * i / calls, 0.2 + 0.04 * i / calls) for i in range(calls)]
    direct = [answered(first_s=first, latency_s=end, arm="provider") for first, end in spread]
    through = [
        answered(first_s=first + added_s, latency_s=end + 2 * added_s, **gateway) for first, end in spread
    ]
    return direct + through


def test_paired_overhead_is_the_difference_of_the_arms_quantiles() -> None:
    """With its interval, of the first token and of the whole call, wherever between the extremes."""
    measurements = measured(arms())
    for metric, added_s in (("paired_overhead_ttft", 0.015), ("paired_overhead", 0.03)):
        for p in (50.0, 95.0, 99.0):
            reading = measurements.read(metric, Aggregation("p", p), ALL)
            assert reading.value == pytest.approx(added_s, abs=0.0015), (metric, p)
            assert reading.low is not None
            assert reading.high is not None
            assert reading.low < added_s < reading.high
            assert reading.samples == 400


def test_cache_hits_are_in_no_pair() -> None:
    """A gateway that answers half of its calls in a millisecond adds no less to the others."""
    hits = [answered(first_s=0.0005, latency_s=0.001, cache="hit") for _ in range(400)]
    reading = measured(arms(cache="miss") + hits).read("paired_overhead_ttft", MEDIAN, ALL)
    assert reading.value == pytest.approx(0.015, abs=0.001)


def test_models_are_kinds_of_their_own() -> None:
    """A slow model that failed more often through the gateway must not make the gateway look fast."""
    slow = [
        answered(first_s=0.5 + added_s, latency_s=0.9, arm=arm, requested_model="slow")
        for arm, calls, added_s in (("provider", 300, 0.0), ("gateway", 100, 0.015))
        for _ in range(calls)
    ]
    fast = arms(300)
    for call in fast:
        call.requested_model = "fast"
    reading = measured(fast + slow).read("paired_overhead_ttft", Aggregation("p", 75.0), ALL)
    assert reading.value == pytest.approx(0.015, abs=0.006)


def test_paired_overhead_without_enough_calls_is_absent_and_says_how_many_it_needs() -> None:
    """No number is better than one that the next run contradicts."""
    p99 = Aggregation("p", 99.0)
    assert measured(arms(368)).read("paired_overhead", p99, ALL).value is not None
    few = measured(arms(367)).read("paired_overhead", p99, ALL)
    assert few.value is None
    assert few.reason.startswith("a p(99) needs 368 calls in each arm and one has 367")
    none = measured([answered()]).read("paired_overhead", MEDIAN, ALL)
    assert none.reason == "no call went straight to the provider: it needs `paired:` in the profile"
    assert measured(arms()).read("paired_overhead", Aggregation("p", 100.0), ALL).value is None


def test_a_limit_inside_the_interval_can_not_be_judged() -> None:
    """15 ms within about 3: well below 30 is a pass, well above 5 a failure, 15 may be either."""
    measurements = measured(arms())

    def status(limit: str) -> Status:
        threshold = Threshold(
            parse_subject("paired_overhead_ttft"),
            (Level("threshold", parse_expression(f"p(50) < {limit}"), Status.FAIL),),
        )
        (result,) = judge([threshold], measurements)
        if result.status is Status.INCONCLUSIVE:
            assert "the limit lies inside the 95% interval" in result.reason
        return result.status

    assert [status(limit) for limit in ("30ms", "15.1ms", "5ms")] == [
        Status.PASS,
        Status.INCONCLUSIVE,
        Status.FAIL,
    ]


def test_arms_too_small_for_a_figure_are_not_taken_for_none() -> None:
    """With `if_measured`, a run without pairs doesn't count, and one with too few can't be told."""
    level = Level("threshold", parse_expression("p(50) < 20ms"), Status.FAIL)
    threshold = Threshold(parse_subject("paired_overhead"), (level,), if_measured=True)
    found = [
        judge([threshold], measured(calls))[0].status
        for calls in ([answered()], arms(5), [answered(arm="provider")], arms())
    ]
    few = Status.INCONCLUSIVE
    assert found == [Status.NOT_MEASURED, few, few, Status.FAIL]


def test_paired_overhead_can_be_judged_over_windows() -> None:
    """A window has calls of both arms, like the whole."""
    measurements = measured(arms())
    assert measurements.read("paired_overhead", MEDIAN, ALL, Span(1, 2)).value is not None
    line = Level("threshold", parse_expression("p(50) < 60ms over 1s"), Status.FAIL)
    (result,) = judge([Threshold(parse_subject("paired_overhead"), (line,))], measurements)
    assert result.value == pytest.approx(0.03, abs=0.002)


def test_a_pair_is_not_selected_by_what_only_one_arm_has() -> None:
    """Nor asked for a figure that has no interval; a limit below zero makes sense."""
    around = Surroundings()
    assert check_subject(parse_subject("paired_overhead{prompt:short,stream:true}"), around) == []
    for label in ("arm:provider", "cache:miss", "outcome:all"):
        (problem,) = check_subject(parse_subject(f"paired_overhead{{{label}}}"), around)
        assert "can't be selected by" in problem
    metric = METRICS["paired_overhead"]
    assert check_expression(parse_expression("p(95) > -1ms"), metric) == []
    assert "has no avg, allowed: med, p(N)" in check_expression(parse_expression("avg < 1ms"), metric)[0]
