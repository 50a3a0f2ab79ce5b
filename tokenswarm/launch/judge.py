"""From a run folder or a Locust CSV prefix to reports, the verdict on the terminal, and the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tokenswarm.errors import ConfigurationError, ExitCode
from tokenswarm.profile.load import load_profile, load_slo
from tokenswarm.profile.places import SearchPath
from tokenswarm.report import to_text
from tokenswarm.report.summary import Summary
from tokenswarm.report.write import write_csv_reports, write_reports


def judge_folder(folder: Path) -> ExitCode:
    """Make the reports of a run folder; returns what the process ends with."""
    summary = write_reports(folder)
    _show(summary, folder / "report.html")
    return ExitCode(summary.verdict.exit_code)


def judge_csv_prefix(
    prefix: Path, slo_name: str | None, profile_name: str | None, output: Path | None
) -> ExitCode:
    """Judge PREFIX_stats.csv by an SLO, by a profile with its SLO, or by nothing at all."""
    places = SearchPath.of(Path.cwd())
    profile = load_profile(profile_name, places, os.environ) if profile_name else None
    slo_name = slo_name or (profile.slo if profile is not None else None)
    slo = load_slo(slo_name, places, os.environ) if slo_name else None
    summary = write_csv_reports(prefix, profile, slo, output)
    _show(summary, output / "report.html" if output else prefix.with_name(f"{prefix.name}_report.html"))
    return ExitCode(summary.verdict.exit_code)


def refuse_for_folder(slo_name: str | None, profile_name: str | None, output: Path | None) -> None:
    """A run folder knows what it was judged by and where its reports are."""
    given = {"--slo": slo_name, "--load-profile": profile_name, "--output": output}
    for name, value in given.items():
        if value is not None:
            raise ConfigurationError(
                f"{name}: only for the CSV files of a Locust run; a run folder is judged by its own SLO"
            )


def _show(summary: Summary, report: Path) -> None:
    is_terminal = sys.stdout.isatty()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if is_terminal else None
    click.echo(to_text.render(summary, width=width, is_terminal=is_terminal))
    click.echo(f"report: {report}")
