"""What a job on GitHub is told beside the terminal: annotations, and the report on the job's own page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from tokenswarm.report import to_github, to_markdown
from tokenswarm.report.summary import Summary
from tokenswarm.voice import say


def tell_github(summary: Summary, environ: Mapping[str, str]) -> None:
    """Annotations and the report; nothing anywhere else."""
    if not _is_job(environ):
        return
    click.echo(to_github.render(summary), nl=False)
    show_on_page(to_markdown.render(summary), environ)


def show_on_page(markdown: str, environ: Mapping[str, str]) -> None:
    """Add to the page of the job, if it is one; that it can't be written is said, and changes no verdict."""
    file = environ.get("GITHUB_STEP_SUMMARY")  # a file of the step's
    if not file or not _is_job(environ):
        return
    try:
        with Path(file).open("a", encoding="utf-8") as page:
            page.write(f"{markdown}\n")
    except OSError as error:
        say(f"tokenswarm: GITHUB_STEP_SUMMARY {file} can't be written: {error.strerror}")


def _is_job(environ: Mapping[str, str]) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true"
