"""Locust's CSV files as a source: exact where they are, bands where they round, and silence elsewhere.

The files in golden/report/locust are of two real runs of Locust 2.47 against a local HTTP server: `clean`
without a failure and with our row names, `failing` with one request in ten failing.
"""

from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path

import pytest

from tokenswarm.errors import RunFolderError
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Span
from tokenswarm.metrics.threshold_grammar import parse_subject
from tokenswarm.metrics.thresholds import Status
from tokenswarm.profile.threshold_lines import Line, thresholds_in
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.locust_row import LocustRow

FILES = Path(__file__).parents[1] / "golden" / "report" / "locust"
CLEAN, FAILING = FILES / "clean", FILES / "failing"


def read(prefix: Path, metric: str, aggregation: str, **labels: str) -> Reading:
    """One figure; `p95` is short for the 95th percentile."""
    name, percentile = aggregation, None
    if aggregation[0] == "p" and aggregation != "p":
        name, percentile = "p", float(aggregation[1:])
    return LocustCsv(prefix).read(metric, Aggregation(name, percentile), Selector(labels))


def status(prefix: Path, line: str) -> tuple[Status, str]:
    """What becomes of `metric: expression`, and why."""
    subject, _, expression = line.partition(": ")
    assert parse_subject(subject)
    (result,) = judge(thresholds_in({subject: [Line(threshold=expression)]}, "test.yaml"), LocustCsv(prefix))
    return result.status, result.reason


def test_counts_and_rates_are_locusts_own() -> None:
    """They stand in the Aggregated row."""
    assert read(CLEAN, "requests", "count") == Reading.exact(641, 641)
    assert read(CLEAN, "request_rate", "value").value == pytest.approx(63.9314, abs=1e-4)
    assert read(FAILING, "failures", "count") == Reading.exact(49, 481)
    assert read(FAILING, "error_rate", "rate").value == pytest.approx(49 / 481)
    assert read(FAILING, "success_rate", "rate").value == pytest.approx(432 / 481)
    assert read(FAILING, "failures", "rate").value == pytest.approx(7.018, abs=1e-3)


def test_average_and_extremes_are_exact_without_failures() -> None:
    """Locust keeps them unrounded."""
    for figure, value_ms in (("avg", 95.48935), ("min", 19.231747), ("max", 307.78582)):
        reading = read(CLEAN, "latency", figure)
        assert reading.value == reading.low == reading.high
        assert reading.value == pytest.approx(value_ms / 1000, abs=1e-7)


@pytest.mark.parametrize(
    ("percentile", "value_ms", "low_ms", "high_ms"),
    [
        ("p50", 71, 70.5, 71.5),  # whole milliseconds
        ("p75", 110, 105, 115),  # tens from 100 on
        ("p99.9", 307.78582, 305, 307.78582),  # 310, which the exact maximum cuts short
    ],
)
def test_a_percentile_is_a_band_as_wide_as_locusts_rounding(
    percentile: str, value_ms: float, low_ms: float, high_ms: float
) -> None:
    """The true value lies within it."""
    reading = read(CLEAN, "latency", percentile)
    found = [reading.value, reading.low, reading.high]
    assert found == pytest.approx([value_ms / 1000, low_ms / 1000, high_ms / 1000], abs=1e-7)


@pytest.mark.parametrize(
    ("shown", "low", "high"),
    [(99, 98.5, 99.5), (100, 99.5, 105), (1000, 995, 1050), (120000, 119500, 120500)],
)
def test_bands_at_the_edges_of_locusts_buckets(shown: float, low: float, high: float) -> None:
    """Where buckets grow wider, the lower half is still narrow."""
    row = LocustRow("x", 1000, 0, 1.0, 0.0, 500.0, 0.0, 1e6, {95.0: shown})
    band = row.percentile(95.0, of_all=True)
    assert (band.low, band.high) == (low, high)


def test_a_limit_inside_the_rounding_is_inconclusive() -> None:
    """p(90) shows as 190: true limits on either side can be told, one between can't."""
    assert status(CLEAN, "latency: p(90) < 200ms")[0] is Status.PASS
    assert status(CLEAN, "latency: p(90) < 180ms")[0] is Status.FAIL
    verdict, reason = status(CLEAN, "latency: p(90) < 190ms")
    assert verdict is Status.INCONCLUSIVE
    assert "185ms to 195ms" in reason


def test_a_percentile_that_locust_does_not_write_lies_between_its_neighbours() -> None:
    """p(97) is at least p(95) and at most p(98)."""
    reading = read(CLEAN, "latency", "p97")
    assert [reading.low, reading.high] == pytest.approx([0.215, 0.245])


def test_failures_widen_what_can_be_said_of_successful_calls() -> None:
    """Of 481 times 49 are of failures: the p(50) of the others is between overall ranks 216 and 265."""
    reading = read(FAILING, "latency", "p50")
    assert reading.low == pytest.approx(0.004798, abs=1e-6)
    assert reading.high == pytest.approx(0.0705)
    assert reading.samples == 432
    assert status(FAILING, "latency: p(50) < 100ms")[0] is Status.PASS
    verdict, reason = status(FAILING, "latency: p(50) < 60ms")
    assert verdict is Status.INCONCLUSIVE
    assert "49 failed calls" in reason


def test_times_of_all_outcomes_need_no_such_care() -> None:
    """`outcome: all` asks for just what Locust keeps."""
    reading = read(FAILING, "latency", "p50", outcome="all")
    assert (reading.low, reading.value, reading.high) == (0.0635, 0.064, 0.0645)


def test_the_bounds_for_successful_calls_hold_whichever_calls_failed() -> None:
    """Every choice of the three failed calls of ten leaves each figure within its band."""
    times = [12.0, 15.0, 22.0, 31.0, 44.0, 58.0, 63.0, 77.0, 85.0, 96.0]
    ranks = {p: times[min(9, int(10 * p / 100))] for p in (50.0, 66.0, 75.0, 80.0, 90.0, 95.0)}
    row = LocustRow("x", 10, 3, 1.0, 0.3, sum(times) / 10, times[0], times[-1], ranks)
    average = row.average(of_all=False)
    for kept in combinations(times, 7):
        assert average.low <= sum(kept) / 7 <= average.high
        for p in (1.0, 50.0, 80.0, 95.0, 100.0):
            band = row.percentile(p, of_all=False)
            true = kept[max(1, -int(-7 * p // 100)) - 1]
            assert band.low <= true <= band.high, (kept, p)


def test_our_row_names_answer_for_their_labels() -> None:
    """`chat short stream` says scenario, prompt and stream; others say nothing."""
    assert read(CLEAN, "requests", "count", prompt="short").value == 466
    assert read(CLEAN, "requests", "count", stream="false").value == 175
    assert read(CLEAN, "latency", "p95", stream="true").value == pytest.approx(0.085)
    reading = read(FAILING, "latency", "p95", prompt="short")
    assert reading.value is None
    assert "no row" in reading.reason


def test_a_percentile_over_several_rows_lies_between_theirs() -> None:
    """A mixture's quantile is never outside those of its parts."""
    reading = read(CLEAN, "latency", "p50", scenario="chat")
    assert [reading.low, reading.high] == pytest.approx([0.0655, 0.175])
    assert read(CLEAN, "latency", "avg", scenario="chat").value == pytest.approx(
        read(CLEAN, "latency", "avg").value
    )


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("ttft: p(95) < 100ms", "ttft"),
        ("latency{stage:hold}: p(95) < 100ms", "stages"),
        ("latency{arm:provider}: p(95) < 100ms", "arm"),
        ("latency: p(95) < 10s over 5s", "over 5s"),
        ("failures{outcome:truncated}: count < 10", "classes"),
    ],
)
def test_what_a_csv_can_not_answer_is_inconclusive_with_the_reason(line: str, word: str) -> None:
    """No data is never a pass."""
    verdict, reason = status(CLEAN, line)
    assert verdict is Status.INCONCLUSIVE
    assert word in reason


def test_a_span_of_time_is_not_answered() -> None:
    """The history adds up from the start."""
    reading = LocustCsv(CLEAN).read("requests", Aggregation("count"), Selector(), Span(0, 5))
    assert reading.value is None


def test_availability_without_classes_is_a_band() -> None:
    """A failure may have been a 4xx, which was an answer."""
    reading = read(FAILING, "availability", "rate")
    assert [reading.low, reading.high] == pytest.approx([432 / 481, 1.0])
    assert read(CLEAN, "availability", "rate") == Reading(1.0, 641, 1.0, 1.0)


def test_users_come_from_the_history() -> None:
    """Their maximum is the peak."""
    assert read(CLEAN, "users", "max").value == 8


def test_failures_and_exceptions_are_read_with_their_messages() -> None:
    """What the target answered, and what the locustfile itself did wrong."""
    csv = LocustCsv(FAILING)
    assert [(fault.where, fault.count) for fault in csv.failures] == [("POST search", 49)]
    assert csv.failures[0].message.startswith("HTTPError('503")
    assert [fault.count for fault in csv.exceptions] == [80]


def test_a_prefix_without_files_says_what_was_looked_for() -> None:
    """And how to make them."""
    with pytest.raises(RunFolderError, match=r"nothing_stats\.csv: no such file; `locust --csv nothing`"):
        LocustCsv(FILES / "nothing")


def test_a_csv_of_something_else_is_refused(tmp_path: Path) -> None:
    """The missing column is named."""
    (tmp_path / "x_stats.csv").write_text("Type,Name\nGET,/\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match="Request Count is missing"):
        LocustCsv(tmp_path / "x")
    (tmp_path / "y_stats.csv").write_bytes(b"\xff\xfe\x00,")
    with pytest.raises(RunFolderError, match="can't be read as CSV"):
        LocustCsv(tmp_path / "y")


def test_the_stats_file_alone_is_enough(tmp_path: Path) -> None:
    """The others only add to it."""
    shutil.copy(FILES / "clean_stats.csv", tmp_path / "my.run_stats.csv")
    csv = LocustCsv(tmp_path / "my.run")
    assert csv.whole.requests == 641
    assert csv.history is None
    assert csv.failures == csv.exceptions == ()


def test_a_run_without_a_request_has_no_times(tmp_path: Path) -> None:
    """Locust writes N/A for percentiles and 0 for the rest."""
    head = (FILES / "clean_stats.csv").read_text(encoding="utf-8").splitlines()[0]
    row = ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0" + ",N/A" * 11
    (tmp_path / "x_stats.csv").write_text(f"{head}\n{row}\n", encoding="utf-8")
    assert read(tmp_path / "x", "latency", "p95").reason == "no request ended"
    assert read(tmp_path / "x", "error_rate", "rate").value is None
