"""report.md stays small enough for a comment, and says the gravest first, whatever a target answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tokenswarm.report import to_markdown
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Check, ErrorRow, Summary

RunMaker = Callable[..., Path]
LIMIT = 60_000


@pytest.fixture
def incident(incident_summary: Summary) -> Summary:
    """A run with a broken line, warnings and failures."""
    return incident_summary


def faults(count: int, message: str) -> tuple[ErrorRow, ...]:
    """So many kinds of failures, each with a message of its own."""
    return tuple(
        ErrorRow("http_5xx", 500 + n % 99, count - n, 1 / count, 1.0, 2.0, (f"{n} {message}",))
        for n in range(count)
    )


@pytest.mark.parametrize("message", ["x" * 5000, "😀" * 5000, "<|`*[]&" * 900, "\x1b\x00\n\r" * 900])
def test_a_report_fits_a_comment_whatever_it_holds(incident: Summary, message: str) -> None:
    """Five hundred error texts, and every other text as long and as awkward."""
    broken = replace(
        incident.thresholds[0], status="fail", line=message, reason=message, hints=(message,) * 20
    )
    about = replace(incident.about, target=message, model=message, command=message, profile=message)
    huge = replace(
        incident,
        about=about,
        errors=faults(500, message),
        thresholds=(broken,) * 300,
        checks=(Check(message, "bad", message),) * 100,
        verdict=replace(incident.verdict, sentence=message, reasons=(message, *map(str, range(500)))),
        environment={f"{message}{n}": message for n in range(100)},
    )
    text = to_markdown.render(huge)
    assert len(text.encode()) < LIMIT
    assert text.count("<details>") == text.count("</details>")
    assert text.splitlines()[-1].startswith("Everything, with charts: report.html")


def test_what_failed_and_where_to_look_comes_first(incident: Summary) -> None:
    """Within the first screen: the line, its value, its limit, the stage, the failures behind it, a hint."""
    screen = "\n".join(to_markdown.render(incident).splitlines()[:25])
    assert "<details>" not in screen.partition("## Where to look")[0]
    row = next(line for line in screen.splitlines() if line.startswith("| ❌"))
    assert row.count("error_rate{stage:hold}") == 1
    for words in ("**6.452%**", "< 1%", "31.0 s, in hold"):
        assert words in row
    lead = next(
        line for line in screen.splitlines() if line.startswith("- `error_rate{stage:hold}` → *Errors*")
    )
    for words in ("76 × http_5xx 503", "upstream connect error"):
        assert words in lead
    assert "  - Read the failures by class" in screen


def test_a_clean_run_shows_no_failures(make_run: RunMaker) -> None:
    """Verdict, chief figures, and the rest folded."""
    lines = to_markdown.render(summarise_run(read_run(make_run(slo=None)))).splitlines()
    assert lines[0].startswith("# ✅")
    assert not [line for line in lines if line.startswith("## What failed")]
    assert any(line.startswith("| Calls | per second") for line in lines)


def test_an_invalid_run_says_why_before_anything_folds(make_run: RunMaker) -> None:
    """The reader must not believe the figures."""
    text = to_markdown.render(summarise_run(read_run(make_run(lost=("worker-2",)))))
    top = text.partition("<details>")[0]
    assert "INVALID" in top
    why = top.partition("## Why the figures can't be trusted")[2].partition("## Beyond a warning limit")[0]
    assert "worker-2" in why


def test_folds_hold_markdown_and_not_text(incident: Summary) -> None:
    """GitHub renders what is inside only after an empty line."""
    text = to_markdown.render(incident)
    assert len(re.findall(r"</summary>\n\n", text)) == text.count("<summary>") > 5
