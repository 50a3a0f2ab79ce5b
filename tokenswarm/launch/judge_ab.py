"""From the folder of pairs of runs to their comparison, the reports of it, and the exit code."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tokenswarm.errors import ConfigurationError, ExitCode
from tokenswarm.launch.github_job import show_on_page
from tokenswarm.launch.screen import show
from tokenswarm.report import ab_to_markdown, ab_to_text
from tokenswarm.report.ab_analysis import analyse
from tokenswarm.report.ab_plan import PLAN
from tokenswarm.report.ab_write import write_ab


def is_ab_folder(folder: Path) -> bool:
    """Whether `tokenswarm ab` made it."""
    return (folder / PLAN).is_file()


def refuse_for_ab(baseline: Path | None) -> None:
    """It is a comparison already."""
    if baseline is not None:
        raise ConfigurationError("--baseline: only for a single run; A is what B is held against here")


def judge_ab(folder: Path) -> ExitCode:
    """Make the reports of an A/B folder; returns what the process ends with."""
    result = analyse(folder)
    show(ab_to_text.render, result)
    write_ab(folder, result)
    click.echo(f"report: {folder / 'ab.html'}")
    show_on_page(ab_to_markdown.render(result), os.environ)
    return ExitCode(result.exit_code)
