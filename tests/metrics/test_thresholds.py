"""Lines judged against hand-made measurements: verdict, value, margin, and when they end a run."""

from __future__ import annotations

from typing import Any

import pytest

from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.judge import broken_abort_line, judge
from tokenswarm.metrics.source import Reading, StageSpan
from tokenswarm.metrics.thresholds import Status

from .lines import HOLD, Rounding, calls, judged, line, measured, seconds


@pytest.mark.parametrize(
    ("subject", "expression", "status", "value", "margin", "share"),
    [
        ("latency", "max < 500ms", Status.PASS, 0.4, 0.1, 0.2),
        ("latency", "max < 400ms", Status.FAIL, 0.4, 0.0, 0.0),
        ("latency", "max <= 400ms", Status.PASS, 0.4, 0.0, 0.0),
        ("latency", "avg < 200", Status.PASS, 0.145, 0.055, 0.275),
        ("latency", "min > 200ms", Status.FAIL, 0.1, -0.1, -0.5),
        ("latency", "count >= 20", Status.PASS, 20, 0, 0),
        ("latency{prompt:long}", "max < 200ms", Status.FAIL, 0.4, -0.2, -1.0),
        ("error_rate", "< 10%", Status.FAIL, 0.2, -0.1, -1.0),
        ("error_rate", "<= 20%", Status.PASS, 0.2, 0.0, 0.0),
        ("error_rate", "== 0", Status.FAIL, 0.2, -0.2, None),
        ("success_rate", "> 70%", Status.PASS, 0.8, 0.1, 1 / 7),
        # Where nearly all must succeed, room is a share of what may fail: 20 % of calls where 10 % may.
        ("success_rate", ">= 90%", Status.FAIL, 0.8, -0.1, -1.0),
        ("success_rate", ">= 100%", Status.FAIL, 0.8, -0.2, None),
        ("requests", "count >= 25", Status.PASS, 25, 0, 0),
        ("requests{outcome:http_5xx}", "count != 5", Status.FAIL, 5, 0, 0),
        ("request_rate", "> 2/s", Status.PASS, 2.5, 0.5, 0.25),
    ],
)
def test_line_is_judged_with_its_margin(
    subject: str, expression: str, status: Status, value: float, margin: float, share: float | None
) -> None:
    """17 short calls of 100 ms, 3 long ones of 400 ms and 5 failures in 10 s."""
    source = measured(
        calls(0, 17, latency_s=0.1, prompt="short"),
        calls(1, 3, latency_s=0.4, prompt="long"),
        calls(2, 5, latency_s=0.9, outcome="http_5xx"),
    )
    result = judged(line(subject, expression), source)
    assert result.status is status
    assert result.value == pytest.approx(value)
    assert result.margin == pytest.approx(margin)
    assert result.margin_share == (share if share is None else pytest.approx(share))


def test_every_line_is_judged() -> None:
    """A failure ends nothing: the report shows all lines in their order."""
    thresholds = [line("error_rate", "< 1%"), line("latency", "max < 1ms"), line("latency", "max < 1s")]
    results = judge(thresholds, seconds("...xx....."))
    assert [result.status for result in results] == [Status.FAIL, Status.FAIL, Status.PASS]
    assert [result.threshold for result in results] == thresholds


@pytest.mark.parametrize(
    ("failed", "status", "grade", "limit"),
    [
        (0, Status.PASS, "good", 0.005),
        (6, Status.WARN, "warning", 0.005),
        (9, Status.WARN, "warning", 0.005),
        (10, Status.FAIL, "critical", 0.01),
        (50, Status.FAIL, "critical", 0.01),
    ],
)
def test_tiered_line_has_three_grades(failed: int, status: Status, grade: str, limit: float) -> None:
    """Beyond SLO is a warning, beyond SLA a failure; the limit shown is the one that decided."""
    source = measured(calls(0, 1000 - failed), calls(1, failed, outcome="http_5xx"))
    result = judged(line("error_rate", slo="< 0.5%", sla="< 1%"), source)
    assert (result.status, result.grade, result.limit) == (status, grade, limit)
    assert result.margin == pytest.approx(limit - failed / 1000)


def test_warning_severity_never_fails() -> None:
    """`severity: warn` is for lines one wants to see, not to be stopped by."""
    assert judged(line("error_rate", "< 1%", severity="warn"), seconds("xxx")).status is Status.WARN


@pytest.mark.parametrize(
    ("subject", "expression"),
    [
        ("latency", "p(95) < 1s"),
        ("error_rate", "< 1%"),
        ("cache_hit_rate", "> 50%"),
        ("failures", "count < 10"),
        ("request_rate", "< 100/s"),
        ("latency{prompt:long}", "p(95) < 1s"),
        ("latency", "p(95) < 1s over 2s"),
        ("error_rate", "< 1% for 2s"),
    ],
)
def test_no_data_is_inconclusive(subject: str, expression: str) -> None:
    """A run that measured nothing proves nothing."""
    result = judged(line(subject, expression), measured())
    assert result.status is Status.INCONCLUSIVE
    assert result.reason


def test_counting_none_of_a_kind_is_data() -> None:
    """No 5xx among a hundred calls is a pass, not a lack of data."""
    result = judged(line("requests{outcome:http_5xx}", "count < 5"), measured(calls(0, 100)))
    assert result.status is Status.PASS


def test_too_little_of_a_count_fails_even_when_it_is_nothing() -> None:
    """A target that answered no call at all did not reach its count."""
    assert judged(line("requests", "count >= 10"), measured()).status is Status.FAIL


@pytest.mark.parametrize(
    ("if_measured", "cache", "subject", "status"),
    [
        (True, "", "cache_hit_rate", Status.NOT_MEASURED),
        (False, "", "cache_hit_rate", Status.INCONCLUSIVE),
        (True, "hit", "cache_hit_rate", Status.PASS),
        (True, "miss", "cache_hit_rate", Status.FAIL),
        (True, "hit", "cache_hit_rate{prompt:long}", Status.INCONCLUSIVE),
    ],
)
def test_if_measured_forgives_a_metric_that_is_nowhere(
    if_measured: bool, cache: str, subject: str, status: Status
) -> None:
    """Measured for other calls than those selected is a gap, and not forgiven."""
    source = measured(calls(0, 10, prompt="short", cache=cache))
    assert judged(line(subject, "> 50%", if_measured=if_measured), source).status is status


@pytest.mark.parametrize(("count", "status"), [(199, Status.INCONCLUSIVE), (200, Status.FAIL)])
def test_too_few_samples_are_inconclusive(count: int, status: Status) -> None:
    """Even a breach is none when it rests on fewer samples than asked for."""
    result = judged(line("latency", "p(99) < 50ms", min_samples=200), measured(calls(0, count)))
    assert result.status is status
    assert ("fewer than min_samples 200" in result.reason) == (status is Status.INCONCLUSIVE)
    assert result.samples == count


@pytest.mark.parametrize(("count", "is_noted"), [(99, True), (100, False)])
def test_quantile_of_few_samples_is_noted(count: int, is_noted: bool) -> None:
    """The p(99) of less than a hundred values is their maximum; said, but not held against the line."""
    result = judged(line("latency", "p(99) < 1s"), measured(calls(0, count)))
    assert result.status is Status.PASS
    assert bool(result.note) is is_noted


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        ("p(95) < 1020ms", Status.INCONCLUSIVE),
        ("p(95) < 1100ms", Status.PASS),
        ("p(95) <= 1050ms", Status.PASS),
        ("p(95) < 1050ms", Status.INCONCLUSIVE),
        ("p(95) < 900ms", Status.FAIL),
        ("p(95) > 980ms", Status.INCONCLUSIVE),
        ("p(95) == 1000ms", Status.INCONCLUSIVE),
        ("p(95) != 1000ms", Status.INCONCLUSIVE),
        ("p(95) == 1200ms", Status.FAIL),
    ],
)
def test_limit_inside_the_rounding_is_inconclusive(expression: str, status: Status) -> None:
    """1000 ms in a CSV of two digits is anything from 950 to 1050."""
    result = judged(line("latency", expression), Rounding(Reading(1.0, 500, 0.95, 1.05)))
    assert result.status is status
    assert ("950ms to 1050ms" in result.reason) == (status is Status.INCONCLUSIVE)


def test_unknown_sla_is_not_hidden_by_a_broken_slo() -> None:
    """Surely beyond SLO and perhaps beyond SLA may be a failure: it can't be told."""
    threshold = line("latency", slo="p(95) < 500ms", sla="p(95) < 1s")
    assert judged(threshold, Rounding(Reading(1.0, 500, 0.95, 1.05))).status is Status.INCONCLUSIVE


def test_gauge_is_judged_by_its_samples() -> None:
    """Users sampled once a second."""
    source = measured()
    source.samples = Samples(Sample(float(at_s), "master", "users", 10.0 * at_s) for at_s in range(10))
    assert judged(line("users", "max <= 90"), source).status is Status.PASS
    assert judged(line("users", "slope < 5/s"), source).status is Status.FAIL
    assert judged(line("users", "max < 50 over 3s"), source).first_breach_s == 6.0


@pytest.mark.parametrize(
    ("elapsed_s", "options", "is_aborted"),
    [
        (3.0, {"abort": True}, False),  # all well so far
        (6.0, {"abort": True}, True),
        (6.0, {"abort": False}, False),
        (6.0, {"abort": True, "abort_after": "7s"}, False),
        (7.0, {"abort": True, "abort_after": "7s"}, True),
        (6.0, {"abort": True, "min_samples": 100}, False),
    ],
)
def test_line_may_end_a_run_that_goes_on(elapsed_s: float, options: dict[str, Any], is_aborted: bool) -> None:
    """From the fifth second on all calls fail; the line allows 10%."""
    done = seconds("....xxxxxx"[: int(elapsed_s)])
    done.set_stages(HOLD)
    result = broken_abort_line([line("error_rate", "< 10%", **options)], done, elapsed_s)
    assert (result is not None) is is_aborted


def test_abort_waits_for_its_own_stage() -> None:
    """abort_after counts from the start of the stage that the line is about."""
    stages = [StageSpan("climb", 0, 5), StageSpan("hold", 5, 20)]
    deltas = [calls(at_s, 10, stage="climb" if at_s < 5 else "hold", outcome="http_5xx") for at_s in range(8)]
    source = measured(*deltas, stages=stages)
    threshold = line("error_rate{stage:hold}", "< 10%", abort=True, abort_after="3s")
    assert broken_abort_line([threshold], source, 4.0) is None
    assert broken_abort_line([threshold], source, 7.9) is None
    assert broken_abort_line([threshold], source, 8.0) is not None


def test_rate_of_a_run_that_goes_on_is_of_the_time_so_far() -> None:
    """Ten calls a second are ten calls a second after three of ten seconds."""
    threshold = line("request_rate", "> 9/s", abort=True)
    assert broken_abort_line([threshold], measured(*(calls(at_s, 10) for at_s in range(3))), 3.0) is None
