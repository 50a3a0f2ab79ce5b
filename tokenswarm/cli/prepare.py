"""Verbs that load nothing: is the profile right, is the machine fit, and files to begin with."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from tokenswarm.cli import options
from tokenswarm.errors import ExitCode


@click.command()
@click.argument("profile")
@click.option("--target", metavar="NAME|URL", help="Check this target's file too.")
@click.option("--slo", metavar="NAME", help="Check with this SLO instead of the profile's own.")
@options.time_scale
@click.option("--target-pid", type=click.IntRange(min=1), help="As in a run.")
@click.option("--target-process", metavar="NAME", help="As in a run.")
def check(
    profile: str,
    target: str | None,
    slo: str | None,
    time_scale: float,
    target_pid: int | None,
    target_process: str | None,
) -> int:
    """Validate PROFILE and say what a run would do; no call is made."""
    from tokenswarm.launch.describe import describe
    from tokenswarm.profile.monitor import process_named
    from tokenswarm.profile.resolve import Names

    process = process_named(target_pid, target_process)
    click.echo(describe(Names(profile, target, slo=slo, time_scale=time_scale, process=process)))
    return ExitCode.PASS


@click.command()
@click.option("--target", metavar="NAME|URL", help="Try this one; without it, an embedded mock gateway.")
@click.option("--model", help="Model to ask for; the target's own by default.")
def doctor(target: str | None, model: str | None) -> int:
    """Look at this machine, the target and what stands beside them: ok, warning or fault, and what mends it.

    Makes one call of each kind, and no load.

    \b
    Exit codes: 0 no fault, 104 a fault.
    """
    from tokenswarm.doctor.examine import examine
    from tokenswarm.doctor.page import has_fault, page_of

    chapters = examine(target, model)
    click.echo(page_of(chapters))
    return ExitCode.BAD_CONFIGURATION if has_fault(chapters) else ExitCode.PASS


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def init(folder: Path) -> int:
    """Write a suite of your own into DIR: profiles, SLOs, a target, locustfile, Makefile, workflow, compose.

    Nothing is ever overwritten.
    """
    from tokenswarm.starter.write import write_suite

    places = write_suite(folder)
    click.echo("\n".join([*(f"  {folder / place}" for place in places), f"\n{len(places)} files. Now:"]))
    click.echo(f"  cd {shlex.quote(str(folder))} && make smoke\nand then see its README.md")
    return ExitCode.PASS


@click.command()
@click.argument("what", type=click.Choice(["profile", "summary"]))
def schema(what: str) -> int:
    """Print the JSON Schema of a profile, or of summary.json."""
    if what == "profile":
        from tokenswarm.profile.schema import json_schema

        found = json_schema()
    else:
        from tokenswarm.report.summary_schema import read_schema

        found = read_schema()
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    return ExitCode.PASS
