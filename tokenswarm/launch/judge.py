"""From a run folder or a Locust CSV prefix to reports, the verdict on the terminal, and the exit code."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tokenswarm.errors import ConfigurationError, ExitCode, RunFolderError
from tokenswarm.launch.github_job import tell_github
from tokenswarm.launch.screen import show
from tokenswarm.profile.load import load_profile, load_slo
from tokenswarm.profile.places import SearchPath
from tokenswarm.report import to_text
from tokenswarm.report.compare import with_baseline
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.recorded import Recorded
from tokenswarm.report.run_facts import RunFacts
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summarise_csv import summarise_csv
from tokenswarm.report.summary import Summary
from tokenswarm.report.uncollected import uncollected
from tokenswarm.report.write import write_beside, write_into, write_json
from tokenswarm.voice import say


def judge_folder(folder: Path, baseline: Recorded | None = None) -> ExitCode:
    """Make the reports of a run folder; returns what the process ends with, whatever `baseline` was like."""
    with uncollected():
        summary = _compared(summarise_run(read_run(folder)), baseline)
    show(to_text.render, summary)
    write_into(folder, summary)
    _show_place(folder / "report.html")
    tell_github(summary, os.environ)
    return ExitCode(summary.verdict.exit_code)


def judge_run(
    folder: Path,
    facts: dict[str, Any],
    unkept: str,
    output: Path | None = None,
    baseline: Recorded | None = None,
) -> ExitCode:
    """Judge a run that has just ended, by `facts` instead of what its run.json may have had no room for.

    The load was made: what can't be kept (`unkept`, if that is known already) is said after the verdict,
    and takes its place only where it was good. `output` gets what summary.json holds, too.
    """
    code = ExitCode.PASS
    try:
        summary = _compared(_by_facts(folder, facts), baseline)
        code = ExitCode(summary.verdict.exit_code)
        show(to_text.render, summary)
        write_into(folder, summary)
        _show_place(folder / "report.html")
        tell_github(summary, os.environ)
        if output is not None:
            write_json(output, summary)
    except RunFolderError as error:
        unkept = unkept or str(error)
    except OSError as error:
        unkept = unkept or f"the terminal's output can't be written: {error.strerror}"
    if unkept:
        say(f"tokenswarm: {unkept}; what was measured could not be kept whole")
        return code or ExitCode.INCONCLUSIVE
    return code


def judge_leg(folder: Path, facts: dict[str, Any]) -> Summary:
    """Judge one of several runs and write its reports; RunFolderError if it can't be read or written."""
    summary = _by_facts(folder, facts)
    write_into(folder, summary)
    return summary


def _by_facts(folder: Path, facts: dict[str, Any]) -> Summary:
    with uncollected():
        run = replace(read_run(folder), facts=RunFacts.from_json(facts, folder / "run.json"))
        return summarise_run(run)


def judge_csv_prefix(
    prefix: Path,
    slo_name: str | None,
    profile_name: str | None,
    output: Path | None,
    baseline: Recorded | None = None,
) -> ExitCode:
    """Judge PREFIX_stats.csv by an SLO, by a profile with its SLO, or by nothing at all."""
    places = SearchPath.of(Path.cwd())
    profile = load_profile(profile_name, places, os.environ) if profile_name else None
    slo_name = slo_name or (profile.slo if profile is not None else None)
    slo = load_slo(slo_name, places, os.environ) if slo_name else None
    summary = _compared(summarise_csv(LocustCsv(prefix), profile, slo), baseline)
    show(to_text.render, summary)
    write_beside(prefix, summary, output)
    _show_place(output / "report.html" if output else prefix.with_name(f"{prefix.name}_report.html"))
    tell_github(summary, os.environ)
    return ExitCode(summary.verdict.exit_code)


def refuse_for_folder(slo_name: str | None, profile_name: str | None, output: Path | None) -> None:
    """A run folder knows what it was judged by and where its reports are."""
    given = {"--slo": slo_name, "--load-profile": profile_name, "--output": output}
    for name, value in given.items():
        if value is not None:
            raise ConfigurationError(
                f"{name}: only for the CSV files of a Locust run; a run folder is judged by its own SLO"
            )


def _compared(summary: Summary, baseline: Recorded | None) -> Summary:
    return summary if baseline is None else with_baseline(summary, baseline)


def _show_place(report: Path) -> None:
    click.echo(f"report: {report}")
