"""The table of expected answers, and the mark where a run was aborted, in every report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenswarm.report import to_html, to_json, to_markdown, to_text
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary
from tokenswarm.report.time_charts import time_charts

RunMaker = Callable[..., Path]
STAGES = [
    {"name": name, "duration": "15s", "users": 10, "warmup": name == "warm-up"}
    for name in ("warm-up", "climb", "hold", "recover")
]
PICKY: dict[str, Any] = {
    "name": "picky",
    "stages": STAGES,
    "expect": {"status": [200], "json": ["metadata", "never.there"], "latency": "10s"},
}
STREAMS = {"name": "streams", "stages": STAGES, "streaming": 0.9, "expect": {"json": ["metadata"]}}
LINE = "error_rate: < 5% over 5s"


def summarised(make_run: RunMaker, **script: Any) -> Summary:
    """The summary of a run that went so."""
    return summarise_run(read_run(make_run(**script)))


def test_each_check_has_its_share(make_run: RunMaker) -> None:
    """In the profile's order; one that no answer meets is there with 0, warm-ups are left out."""
    summary = summarised(make_run, profile=PICKY, incident_share=0.3)
    rows = {row.name: row for row in summary.expected}
    assert list(rows) == ["status is 200", "has metadata", "has never.there", "latency < 10s"]
    judged = next(total.value for total in summary.totals if total.metric == "requests")
    assert rows["status is 200"].asked == judged
    assert 0.9 < rows["status is 200"].share < 1
    assert rows["has metadata"].asked < rows["status is 200"].met
    assert 0.7 < rows["has metadata"].share < 0.9
    assert rows["has metadata"].share == rows["has metadata"].met / rows["has metadata"].asked
    assert (rows["has never.there"].met, rows["has never.there"].share) == (0, 0)


def test_every_report_shows_the_checks(make_run: RunMaker) -> None:
    """With met, asked and share."""
    summary = summarised(make_run, profile=PICKY)
    row = next(row for row in summary.expected if row.name == "has metadata")
    figures = (f"{row.met:,}", f"{row.asked:,}", f"{row.share * 100:.1f}%")
    assert f"| has metadata | {' | '.join(figures)} |" in to_markdown.render(summary)
    (line,) = [line for line in to_text.render(summary).splitlines() if "has metadata" in line]
    assert line.split()[-3:] == list(figures)
    html = to_html.render(summary)
    assert '<section id="expected" ' in html
    assert "".join(f'<td class="n">{figure}</td>' for figure in figures) in html
    (found,) = [one for one in json.loads(to_json.render(summary))["expected"] if one["name"] == row.name]
    assert (found["met"], found["asked"]) == (row.met, row.asked)


def test_a_check_that_no_call_was_asked_is_left_out(make_run: RunMaker) -> None:
    """JSON paths are not looked for in streams; nothing asked is no table."""
    summary = summarised(make_run, profile=STREAMS, streaming=1.0)
    assert summary.expected == ()
    for render in (to_text.render, to_markdown.render, to_html.render):
        assert "Expected answers" not in render(summary)


def test_an_aborted_run_is_marked_on_every_chart(make_run: RunMaker) -> None:
    """A line with the time at its foot, on all charts alike."""
    summary = summarised(make_run, incident_share=0.3, stopped_s=33.5, reason="aborted", detail=LINE)
    assert summary.timeline is not None
    assert [(mark.at_s, mark.name, mark.text) for mark in summary.timeline.marks] == [(33.5, "aborted", LINE)]
    charts = time_charts(summary.timeline, summary.stages)
    assert len(charts) >= 5
    for chart in charts:
        assert [(line.at, line.text) for line in chart.lines] == [(33.5, "aborted at 33.5 s")]
        assert "aborted at 33.5 s" in chart.description
    assert to_html.render(summary).count("<span>aborted at 33.5 s</span>") == len(charts)


def test_an_aborted_run_says_where_and_by_what(make_run: RunMaker) -> None:
    """Among the reasons to trust it, on the terminal, and at the stage that it cut short."""
    summary = summarised(make_run, incident_share=0.3, stopped_s=33.5, reason="aborted", detail=LINE)
    said = f"{LINE} ended the run at 33.5 s"
    assert [check.state for check in summary.checks if said in check.text] == ["note"]
    assert said in to_text.render(summary)
    assert [stage.name for stage in summary.stages if stage.is_aborted] == ["hold"]
    assert "| hold (aborted) |" in to_markdown.render(summary)
    assert 'hold <span class="tag">aborted</span>' in to_html.render(summary)


def test_a_finished_run_has_no_mark(make_run: RunMaker) -> None:
    """Nor one that somebody interrupted: the verdict says that."""
    for reason in ("finished", "interrupted"):
        run = make_run(reason=reason, stopped_s=59.0)
        summary = summarise_run(read_run(run))
        assert summary.timeline is not None
        assert summary.timeline.marks == ()
        assert not any(stage.is_aborted for stage in summary.stages)
        for file in run.iterdir():
            file.unlink()
        run.rmdir()
