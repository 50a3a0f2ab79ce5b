"""Annotations of a GitHub job: few, in order, and never commands of the target's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tokenswarm.report import to_github
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run

RunMaker = Callable[..., Path]
COMMAND = re.compile(r"::(error|warning) (?:file=[^:,]+,)?title=[^:,]*::[^\r\n]*")


def test_broken_lines_are_errors_and_warnings_warnings(make_run: RunMaker) -> None:
    """The verdict first; each names its file, its value and what to look at."""
    lines = to_github.render(summarise_run(read_run(make_run(incident_share=0.3)))).splitlines()
    assert [line.split()[0] for line in lines] == ["::error", "::error", "::warning", "::warning"]
    assert lines[0].startswith("::error title=FAIL%3A stress::FAIL: 1 of 6 thresholds")
    assert lines[1].startswith(
        "::error file=profiles/stress.yaml,title=stress%3A error_rate::error_rate{stage:hold}: <"
    )
    assert "was 6.452%25%0AErrors: 76 × http_5xx 503" in lines[1]
    assert "%0ACheck first: Read the target's own log" in lines[1]


def test_a_clean_run_is_not_annotated(make_run: RunMaker) -> None:
    """Green needs no comment."""
    assert to_github.render(summarise_run(read_run(make_run(slo=None)))) == ""


def test_an_invalid_run_is_an_error(make_run: RunMaker) -> None:
    """Even if no threshold is broken."""
    text = to_github.render(summarise_run(read_run(make_run(slo=None, lost=("worker-2",)))))
    assert text.startswith("::error title=INVALID%3A stress::INVALID: ")


def test_no_text_can_begin_a_command_of_its_own(make_run: RunMaker) -> None:
    """Nor end ours: every line is one command, and there are no more than GitHub keeps."""
    hostile = "x\r\n::set-env name=PATH::evil\n::error::,title=%0A:"
    summary = summarise_run(read_run(make_run(incident_share=0.3)))
    row = replace(
        summary.thresholds[0], status="fail", line=hostile, metric=hostile, origin=f"{hostile}.yaml"
    )
    text = to_github.render(
        replace(
            summary,
            about=replace(summary.about, profile=hostile),
            verdict=replace(summary.verdict, sentence=hostile),
            thresholds=(row,) * 30,
            errors=tuple(replace(fault, examples=(hostile,)) for fault in summary.errors),
        )
    )
    lines = text.splitlines()
    assert len(lines) == 10
    assert all(COMMAND.fullmatch(line) for line in lines)
