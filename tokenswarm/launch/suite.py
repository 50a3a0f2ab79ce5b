"""`tokenswarm suite`: several profiles in sequence, one summary, and the worst verdict as the exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from tokenswarm.errors import ConfigurationError, ExitCode, ProfileError, RunFolderError
from tokenswarm.launch.fleet import Fleet
from tokenswarm.launch.github_job import show_on_page
from tokenswarm.launch.interrupts import Interrupts
from tokenswarm.launch.judge import judge_run
from tokenswarm.launch.run import RunRequest, apply_load
from tokenswarm.profile.load import load_suite
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.suite import SuiteRun
from tokenswarm.report.recorded import read_recorded
from tokenswarm.report.suite import NOT_RUN, Leg, SuiteResult
from tokenswarm.report.suite_formats import FORMATS, joined_junit, to_markdown, to_text
from tokenswarm.report.write import write_text
from tokenswarm.runs.folder import new_folder
from tokenswarm.voice import say


@dataclass(frozen=True, slots=True)
class SuiteRequest:
    """The options of `tokenswarm suite`; `names.profile` is the suite's name or file."""

    names: Names
    fleet: Fleet | None
    seed: int
    reports: Path


def run_suite(request: SuiteRequest) -> ExitCode:
    """Run them all; ProfileError with all that is wrong with any of them before the first."""
    places = SearchPath.of(Path.cwd())
    suite = load_suite(request.names.profile, places, os.environ)
    names = [_names(run, request.names) for run in suite.runs]
    _check_all(names, places)
    folder = new_folder(request.reports, suite.name)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    legs: list[Leg] = []
    for i, (run, named) in enumerate(zip(suite.runs, names, strict=True), start=1):
        if legs and legs[-1].exit_code == ExitCode.INTERRUPTED:
            legs.append(_not_run(run, ExitCode.INTERRUPTED, "the suite was interrupted before it"))
            continue
        say(f"\n── {i} of {len(names)}: {run.profile} {'─' * 40}")
        own = folder / f"{i:02}-{Path(run.profile).stem}"
        legs.append(_leg(run, RunRequest(named, request.fleet, request.seed, request.reports, folder=own)))
    result = SuiteResult(suite.name, suite.description, started_at, folder.name, tuple(legs))
    click.echo(to_text(result))
    for name, render in FORMATS.items():
        write_text(folder / name, render(result))
    write_text(folder / "junit.xml", joined_junit(_junits(folder, result)))
    show_on_page(to_markdown(result), os.environ)
    click.echo(f"summary: {folder / 'suite.md'}")
    return result.exit_code


def _names(run: SuiteRun, given: Names) -> Names:
    """The suite's own words win over the command line's, which are for those that say nothing."""
    return Names(
        run.profile,
        run.target or given.target,
        run.model or given.model,
        run.slo or given.slo,
        given.time_scale,
        given.process,
    )


def _check_all(names: list[Names], places: SearchPath) -> None:
    problems = []
    for named in names:
        try:
            resolve(named, places, os.environ)
        except ConfigurationError as error:
            problems.append(f"{named.profile}: {error}")
    if problems:
        raise ProfileError(list(dict.fromkeys(problems)))


def _leg(run: SuiteRun, request: RunRequest) -> Leg:
    """One run to its end; a target that does not answer costs that run, and not those after it."""
    try:
        with Interrupts() as interrupts:
            ended = apply_load(request, interrupts)
            if ended is None:
                return _not_run(run, ExitCode.BAD_CONFIGURATION, "it could not be started")
            code = judge_run(ended.folder, ended.facts, ended.unkept)
        recorded = read_recorded(ended.folder)
    except KeyboardInterrupt:
        return _not_run(run, ExitCode.INTERRUPTED, "interrupted")
    except (ConfigurationError, RunFolderError) as error:
        say(f"tokenswarm: {error}")
        return _not_run(run, ExitCode.BAD_CONFIGURATION, str(error))
    return Leg.of(run.profile, run.why, code, ended.folder.name, recorded)


def _not_run(run: SuiteRun, code: ExitCode, why: str) -> Leg:
    return Leg(run.profile, run.why, NOT_RUN, code, f"not run: {why}")


def _junits(folder: Path, result: SuiteResult) -> Iterator[str]:
    for leg in result.legs:
        file = folder / leg.folder / "junit.xml"
        if leg.folder and file.is_file():
            yield file.read_text(encoding="utf-8")
