"""The threshold language: what can be written, what it prints as, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.errors import ThresholdSyntaxError
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.source import Aggregation
from tokenswarm.metrics.threshold_check import Surroundings, check_expression, check_subject
from tokenswarm.metrics.threshold_grammar import (
    OPERATORS,
    UNITS,
    Expression,
    Limit,
    Subject,
    Window,
    parse_expression,
    parse_subject,
)
from tokenswarm.metrics.units import format_duration, parse_duration, quantity_of

numbers = st.floats(-1e12, 1e12, allow_nan=False).map(lambda number: number + 0.0)
durations = st.integers(1, 10**9).map(lambda ms: ms / 1000)
aggregations = st.none() | st.builds(Aggregation, st.sampled_from(["avg", "min", "max", "med", "count"]))
percentiles = st.builds(Aggregation, st.just("p"), st.floats(0, 100).map(lambda number: number + 0.0))
expressions = st.builds(
    Expression,
    aggregations | percentiles,
    st.sampled_from(OPERATORS),
    st.builds(Limit, numbers, st.sampled_from(["", *UNITS])),
    st.none() | st.builds(Window, st.sampled_from(["over", "for"]), durations),
)
words = st.from_regex(r"[a-z][a-z0-9_./-]{0,9}", fullmatch=True)


@given(expressions)
def test_printed_expression_reads_back(expression: Expression) -> None:
    """Whatever can be said survives printing and parsing without losing a digit."""
    assert parse_expression(str(expression)) == expression


@given(expressions)
def test_spaces_between_words_mean_nothing(expression: Expression) -> None:
    """k6 users write p(95)<100ms, others leave air."""
    loose = str(expression).replace("(", " ( ").replace(")", " ) ").replace(" ", "   ")
    assert parse_expression(f"  {loose}  ") == expression


@given(words, st.dictionaries(words, words, max_size=4))
def test_printed_subject_reads_back(metric: str, labels: dict[str, str]) -> None:
    """Metric and labels survive printing and parsing."""
    subject = Subject(metric.translate({ord(c): "_" for c in "./-"}), tuple(labels.items()))
    assert parse_subject(str(subject)) == subject


@given(st.integers(1, 10**12))
def test_printed_duration_reads_back(microseconds: int) -> None:
    """A duration prints as text that means exactly as many seconds."""
    seconds = microseconds / 1e6
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the parser fail in any other way than by its own error."""
    for parse in (parse_expression, parse_subject):
        try:
            parse(text)
        except ThresholdSyntaxError as error:
            assert 0 <= error.column <= len(text)  # noqa: PT017 - most texts are refused, some are not


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("500ms", 0.5), ("7ms", 0.007), ("1m30s", 90), ("1.5h", 5400), ("1h 5m", 3900)],
)
def test_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Units add up."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["30", "", "s", "-1s", "1d", "30 sec", "1s2", "9" * 400 + "s"])
def test_duration_without_a_known_unit_is_refused(text: str) -> None:
    """A bare number could be seconds or milliseconds."""
    with pytest.raises(ValueError, match="need a duration"):
        parse_duration(text)


def test_negative_duration_is_told_from_a_wrong_unit() -> None:
    """Its unit is right; only the sign is not."""
    with pytest.raises(ValueError, match="got -1m30s, need a duration of 0s or more"):
        parse_duration("-1m30s")


@pytest.mark.parametrize(
    ("metric", "aggregation", "limit", "base"),
    [
        ("latency", "p", Limit(100), 0.1),
        ("latency", "p", Limit(7, "ms"), 0.007),
        ("latency", "p", Limit(250, "us"), 0.00025),
        ("latency", "p", Limit(2, "m"), 120),
        ("latency", "count", Limit(100), 100),
        ("error_rate", "rate", Limit(1, "%"), 0.01),
        ("error_rate", "rate", Limit(0.01), 0.01),
        ("bytes_received", "count", Limit(2, "KB"), 2000),
        ("bytes_received", "count", Limit(2, "KiB"), 2048),
        ("bytes_received", "rate", Limit(1, "MB/s"), 1e6),
        ("request_rate", "value", Limit(100, "/s"), 100),
        ("requests", "rate", Limit(100, "/s"), 100),
    ],
)
def test_limit_is_taken_in_base_units(metric: str, aggregation: str, limit: Limit, base: float) -> None:
    """A bare number is milliseconds for times, and the base unit for all else."""
    assert quantity_of(METRICS[metric], aggregation).to_base(limit.number, limit.unit) == base


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "need an operator (< <= > >= == !=), got the end"),
        ("p(95)", "p(95): need an operator (< <= > >= == !=), got the end"),
        ("p(95) <", "p(95) <: need a number after the operator, got the end"),
        ("p(95 < 1s", "p(95 < 1s: need ), got <"),
        ("p95 < 1s", "p95 < 1s: write the percentile in brackets, p(95)"),
        ("p(101) < 1s", "p(101) < 1s: got p(101), need a percentile from 0 to 100"),
        ("mean < 1s", "no aggregation is called mean, allowed: avg, min, max, med, p(N), count"),
        ("agv < 1s", "did you mean avg?"),
        ("< 1sec", "no unit is called sec, allowed: us, ms, s, m, h, %, %/h, /s, /h"),
        ("< 1mb", "did you mean MB?"),
        ("< 1e999", "1e999 is too large a number"),
        ("< 1s over", "over: got , need a duration with its unit"),
        ("< 1s over 30", "over: got 30, need a duration with its unit"),
        ("< 1s for 0s", "for: need more than 0s"),
        ("< 1s 2s", "need the end, or over or for with a duration, got 2"),
        ("< 1,000", ", can't stand here"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    """The error shows the line, what was needed and what stood there."""
    with pytest.raises(ThresholdSyntaxError) as caught:
        parse_expression(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{stage:hold}", "ttft{}", "ttft{stage}", "ttft{a:b", "a b", "ttft{a:b,}"]
)
def test_subject_that_is_none_is_refused(text: str) -> None:
    """Half a label is no label."""
    with pytest.raises(ThresholdSyntaxError, match="need"):
        parse_subject(text)


def test_label_may_hold_colons_after_the_first() -> None:
    """Providers' names do."""
    assert parse_subject("cost{provider:a:b/c}").labels == (("provider", "a:b/c"),)


AROUND = Surroundings({"warm-up": True, "climb": False, "hold": False}, "chat")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("ttft{prompt:short,stream:true,stage:hold,outcome:all,status:200,scenario:chat}", []),
        ("tfft", ["no metric is called tfft, allowed: "]),
        (
            "ttft{prompt:tiny,stage:hodl}",
            [
                "label prompt: got tiny, allowed: short, medium, long",
                "label stage: got hodl, allowed: climb, hold; did you mean hold?",
            ],
        ),
        ("ttft{promt:short}", ["no label is called promt, allowed: ", "did you mean prompt?"]),
        ("ttft{status:2xx}", ["label status: got 2xx, need an HTTP status from 100 to 599"]),
        ("ttft{scenario:talk}", ["label scenario: got talk, allowed: chat"]),
        (
            "ttft{stage:warm-up}",
            ["label stage: warm-up is a warm-up, which is never judged, allowed: climb, hold"],
        ),
        ("error_rate{outcome:http_5xx}", ["error_rate can't be selected by outcome, allowed: scenario"]),
        ("users{prompt:short}", ["users can't be selected by prompt, allowed: stage"]),
    ],
)
def test_subject_is_checked_against_the_catalogue(text: str, messages: list[str]) -> None:
    """Every unknown name is reported with those that exist."""
    problems = check_subject(parse_subject(text), AROUND)
    assert bool(problems) == bool(messages)
    for message in messages:
        assert any(message in problem for problem in problems), problems


def test_stage_is_not_checked_where_stages_are_unknown() -> None:
    """An SLO read by itself may name a stage."""
    assert check_subject(parse_subject("ttft{stage:any}"), Surroundings()) == []


@pytest.mark.parametrize(
    ("metric", "text", "message"),
    [
        ("ttft", "p(95) < 100ms over 30s", ""),
        (
            "ttft",
            "< 100ms",
            "say which figure of ttft, such as p(95); allowed: avg, min, max, med, p(N), count",
        ),
        ("ttft", "rate < 1%", "ttft is a time and has no rate, allowed: avg, min"),
        ("ttft", "p(95) < 1%", "p(95) of ttft is a time, got 1%, allowed units: us, ms, s, m, h"),
        ("ttft", "count > 5ms", "count of ttft is a plain number, got 5ms, need no unit"),
        ("ttft", "p(95) > -1ms", "is never negative, got -1ms"),
        ("error_rate", "< 1%", ""),
        ("error_rate", "== 0", ""),
        ("error_rate", "< 1", "1 may mean 1% or 1 of 1: write 1% or 100%"),
        ("error_rate", "< 101%", "never above 100%, got 101%"),
        ("error_rate", "p(95) < 1%", "error_rate is a share and has no p, allowed: rate, value"),
        ("requests", "count >= 1000", ""),
        ("requests", "> 5ms", "requests is a plain number, got 5ms, need no unit"),
        ("request_rate", "> 100/s", ""),
        ("users", "slope > -1/s", ""),
        ("users", "slope < 100/h", ""),
        ("target_memory", "slope < 20 MB/h", ""),
        ("target_memory", "slope < 20MiB/s", ""),
        ("target_memory", "max < 512MB/h", "max of target_memory is bytes, got 512MB/h, allowed units: B"),
        ("latency_drift", "< 5%/h", ""),
        ("latency_drift", "> -5 %/h", ""),
        ("latency_drift", "< 5", "is a drift, and 5 says nothing of one: write 5%/h"),
        ("latency_drift", "< 5%", "latency_drift is a drift, got 5%, allowed units: %/h"),
        ("latency_drift", "< 5%/h over 1m", "leave the window out"),
        ("latency_drift", "p(95) < 5%/h", "latency_drift is a drift and has no p, allowed: value"),
        ("bytes_received", "rate < 10MB/h", "rate of bytes_received is bytes per second, got 10MB/h"),
        ("bytes_received", "rate < 10MB/s", ""),
    ],
)
def test_expression_is_checked_against_the_metric(metric: str, text: str, message: str) -> None:
    """What a metric can't be asked is refused with what it can."""
    problems = check_expression(parse_expression(text), METRICS[metric])
    assert bool(problems) == bool(message)
    assert message in "".join(problems)
