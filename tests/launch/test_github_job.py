"""A job on GitHub gets annotations and a page; any other place gets neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tokenswarm.launch.github_job import tell_github
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.summarise_csv import summarise_csv
from tokenswarm.report.summary import Summary

LOCUST = Path(__file__).parents[1] / "golden" / "report" / "locust"


@pytest.fixture
def failed() -> Summary:
    summary = summarise_csv(LocustCsv(LOCUST / "failing"), None, None)
    return replace(summary, verdict=replace(summary.verdict, exit_code=99, sentence="FAIL: x."))


def test_the_job_page_gets_the_report_after_what_is_there(
    failed: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other steps write there as well."""
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")
    tell_github(failed, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text(encoding="utf-8").startswith("before\n# ")
    assert capsys.readouterr().out.startswith("::error title=")


def test_nothing_is_said_elsewhere(
    failed: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable of the page alone does not make a job."""
    page = tmp_path / "page.md"
    tell_github(failed, {"GITHUB_STEP_SUMMARY": str(page)})
    assert not page.exists()
    assert capsys.readouterr().out == ""


def test_a_page_that_can_not_be_written_is_only_said(
    failed: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict stands."""
    tell_github(failed, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert "GITHUB_STEP_SUMMARY" in capsys.readouterr().err
