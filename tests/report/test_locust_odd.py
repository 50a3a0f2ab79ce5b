"""Odd files of Locust's: each gives a right report or one clear error, never a traceback or a wrong figure.

The files are in golden/report/locust_odd, written as Locust's own writer does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from tokenswarm.errors import RunFolderError
from tokenswarm.profile.slo import Slo
from tokenswarm.report import to_text
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.summary import Summary

from .conftest import write_csv_reports

ODD = Path(__file__).parents[1] / "golden" / "report" / "locust_odd"
SLO = Slo.from_resolved(
    {
        "name": "api",
        "title": "API",
        "thresholds": {"latency": ["p(95) < 300ms", "avg < 1s"], "error_rate": ["< 5%"]},
    }
)


def reported(name: str, folder: Path) -> tuple[Summary, dict[str, Any]]:
    """The summary, and what summary.json holds, after every report has been written and read."""
    summary = write_csv_reports(ODD / name, slo=SLO, output=folder)
    assert to_text.render(summary)
    assert "</html>" in (folder / "report.html").read_text(encoding="utf-8")
    assert len((folder / "report.md").read_bytes()) < 60_000
    Xml.parse(folder / "junit.xml")  # ours
    return summary, json.loads(
        (folder / "summary.json").read_text(encoding="utf-8"), parse_constant=pytest.fail
    )


def checks(summary: Summary) -> dict[str, str]:
    return {check.what: check.text for check in summary.checks if check.state == "warning"}


def test_files_with_heads_only_are_refused() -> None:
    """Locust writes them when a run ends at once."""
    with pytest.raises(
        RunFolderError, match=r"empty_stats\.csv: there is no Aggregated row in it: did the run end"
    ):
        LocustCsv(ODD / "empty")


def test_a_run_without_a_request_fails(tmp_path: Path) -> None:
    """There are no times, and nothing passes."""
    summary, plain = reported("zero", tmp_path)
    assert summary.verdict.exit_code == 99
    assert "no call ended" in summary.verdict.sentence
    assert [row["status"] for row in plain["thresholds"]] == ["inconclusive"] * 3


def test_one_request_has_the_same_time_everywhere(tmp_path: Path) -> None:
    """Its rounded percentiles can't be outside of its exact minimum and maximum."""
    summary, plain = reported("one", tmp_path)
    assert summary.verdict.exit_code == 0
    (spread,) = [s for s in plain["spreads"] if s["group"] == "all"]
    assert (spread["count"], spread["min_ms"], spread["p95_ms"], spread["max_ms"]) == (1, 82.5, 82.5, 82.5)
    assert plain["timeline"] is None


def test_a_run_in_which_all_failed_has_no_times_of_successes(tmp_path: Path) -> None:
    """It fails, and its latency is of no successful call."""
    summary, plain = reported("all_failed", tmp_path)
    assert (
        "none of 120 calls succeeded; most failed with HTTPError('503 Server Error')"
        in summary.verdict.sentence
    )
    assert [row["status"] for row in plain["thresholds"]] == ["inconclusive", "inconclusive", "fail"]
    assert [(row["count"], row["share"]) for row in plain["errors"]] == [(120, 1.0)]


def test_names_are_taken_as_they_are(tmp_path: Path) -> None:
    """Commas, quotes, newlines, and words that pandas takes for nothing."""
    summary, plain = reported("odd_names", tmp_path)
    names = [s["name"] for s in plain["spreads"] if s["group"] == "row"]
    assert names == ["GET /a,b", 'say "hi"', "two\nlines", "NA", "=1+1", "null"]
    assert {error["examples"][0] for error in plain["errors"]} == {'a "quoted", error\nin two lines'}
    assert {error["outcome"] for error in plain["errors"]} == {f"POST {name}" for name in names}
    assert summary.about.lasted_s == 4
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| two lines |" in markdown
    assert "two\nlines" not in markdown


def test_a_clock_that_was_set_back_is_said_and_time_goes_on(tmp_path: Path) -> None:
    """Rates stay those of the seconds that passed; no interval is negative or lost."""
    summary, plain = reported("clock_back", tmp_path)
    assert checks(summary)["clock"] == "it was set back by 100 s during the run; times go on from there"
    at_s = plain["timeline"]["at_s"]
    assert at_s == sorted(at_s)
    assert summary.about.lasted_s == 10
    (calls,) = [t["values"] for t in plain["timeline"]["tracks"] if t["chart"] == "calls"]
    assert [rate for rate in calls if rate is not None] == [12.0] * 10


def test_five_hundred_error_texts_are_counted_and_the_short_report_stays_short(tmp_path: Path) -> None:
    """All are in summary.json; Markdown shows some, and says how many more."""
    summary, plain = reported("many_errors", tmp_path)
    assert len(plain["errors"]) == 500
    assert sum(error["count"] for error in plain["errors"]) == 500
    assert summary.verdict.exit_code == 99
    assert "… and 460 more in report.html." in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "<b>tenant" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_files_of_locust_2_17_are_read(tmp_path: Path) -> None:
    """Its failures have no times, which is no failure of ours."""
    summary, plain = reported("v2_17", tmp_path)
    assert summary.verdict.exit_code == 0
    assert [(e["outcome"], e["count"], e["first_s"]) for e in plain["errors"]] == [
        ("POST chat short stream", 3, None),
        ("locustfile", 2, None),
    ]


def test_columns_of_the_users_own_choice_are_read(tmp_path: Path) -> None:
    """Percentiles that are missing lie between those that are there; unknown columns are left alone."""
    _, plain = reported("own_columns", tmp_path)
    (spread,) = [s for s in plain["spreads"] if s["group"] == "all"]
    assert (spread["p50_ms"], spread["p95_ms"], spread["p99_ms"]) == (70, 150, 200)
    assert spread["p90_ms"] is None or 70 <= spread["p90_ms"] <= 155


def test_half_written_last_lines_are_left_out_and_said(tmp_path: Path) -> None:
    """The history ends a second earlier, and half a failure is none."""
    summary, plain = reported("half", tmp_path)
    said = checks(summary)["files"]
    assert said.endswith("left out: half_stats_history.csv, half_failures.csv")
    assert summary.about.lasted_s == 9
    assert [error["examples"] for error in plain["errors"]] == [["HTTPError('503')"]]


def test_a_quote_that_nothing_closes_costs_only_its_own_line(tmp_path: Path) -> None:
    """A writer that was killed in the middle of an error's text."""
    summary, plain = reported("half_quote", tmp_path)
    assert [error["count"] for error in plain["errors"]] == [3]
    assert checks(summary)["files"].endswith("half_quote_failures.csv")


def test_half_a_number_is_not_taken_for_a_number(tmp_path: Path) -> None:
    """`31` of `310` at the end of the Aggregated row: the maximum is known from another column."""
    _, plain = reported("half_number", tmp_path)
    (spread,) = [s for s in plain["spreads"] if s["group"] == "all"]
    assert (spread["p99_ms"], spread["max_ms"]) == (200, 307.5)


def test_a_half_written_aggregated_row_is_no_result() -> None:
    """Half of its percentiles would be wrong without a sign of it."""
    with pytest.raises(RunFolderError, match=r"half_stats_stats\.csv: .*cut off"):
        LocustCsv(ODD / "half_stats")


def test_a_row_without_its_times_is_damaged() -> None:
    """Requests that nothing is known of: their maximum is `N/A`."""
    with pytest.raises(
        RunFolderError, match=r"no_number_stats\.csv: damaged: the row .* has requests, and no number"
    ):
        LocustCsv(ODD / "no_number")


def test_counts_beyond_all_measure_are_left_out_and_said(tmp_path: Path) -> None:
    """Nothing of ours can draw them, or add them up."""
    summary, plain = reported("infinite", tmp_path)
    assert checks(summary)["files"].endswith("infinite_stats_history.csv, infinite_exceptions.csv")
    assert checks(summary)["locustfile"].startswith("2 exceptions")
    assert plain["timeline"] is None or len(plain["timeline"]["at_s"]) < 10
