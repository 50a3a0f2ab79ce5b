"""Verbs that read runs which are there: reports again, comparisons, trends."""

from __future__ import annotations

from pathlib import Path

import click

from tokenswarm.cli import options


@click.command()
@click.argument("source", metavar="FOLDER|PREFIX", type=Path)
@click.option("--slo", metavar="NAME", help="For a Locust CSV prefix: judge by this SLO.")
@click.option(
    "--load-profile", metavar="NAME", help="For a Locust CSV prefix: judge by this profile's thresholds."
)
@click.option("--output", type=options.FOLDER, help="Where reports of a CSV prefix go; beside it by default.")
@options.baseline
def report(
    source: Path, slo: str | None, load_profile: str | None, output: Path | None, baseline: Path | None
) -> int:
    """Make the reports of a run folder again, or of the CSV files of any Locust run (PREFIX_stats.csv …)."""
    from tokenswarm.launch.judge import judge_csv_prefix, judge_folder, refuse_for_folder
    from tokenswarm.launch.judge_ab import is_ab_folder, judge_ab, refuse_for_ab
    from tokenswarm.report.recorded import read_recorded

    base = read_recorded(baseline) if baseline is not None else None
    if source.is_dir():
        refuse_for_folder(slo, load_profile, output)
        if is_ab_folder(source):
            refuse_for_ab(baseline)
            return judge_ab(source)
        return judge_folder(source, base)
    return judge_csv_prefix(source, slo, load_profile, output, base)


@click.command()
@click.argument("base", metavar="BASE", type=Path)
@click.argument("current", metavar="CURRENT", type=Path)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="KEY=SHARE",
    help="How much worse a figure may get: p99=20%, latency:p50=10%, success_rate=2%, p95=off …",
)
@click.option("--anyway", is_flag=True, help="Compare runs of different loads, as an indication.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it into this file, too: .md, .json or .txt.",
)
def compare(
    base: Path, current: Path, limits: tuple[str, ...], anyway: bool, outputs: tuple[Path, ...]
) -> int:
    """Hold run CURRENT against run BASE: run folders, summary.json files or prefixes of Locust CSV files.

    By default p99 of latency and first token may rise by 20%, p95 by 25%, and the success rate fall by 2%.

    \b
    Exit codes: 0 no regression, 99 regressed, 104 not comparable,
    111 inconclusive, or worse by a limit but the runs are not alike.
    """
    from tokenswarm.launch.compare import compare_runs

    return compare_runs(base, current, limits, outputs, anyway=anyway)


@click.command()
@click.argument("places", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="FOLDER/trend.html by default."
)
def trend(places: tuple[Path, ...], output: Path | None) -> int:
    """Show every figure of all runs in FOLDER over time: changes of level, and the error budget."""
    from tokenswarm.launch.look_back import show_trend

    return show_trend(places, output)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--rate", type=float, required=True, help="Calls per second that are wanted.")
@click.option(
    "--instances",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many the run loaded together.",
)
@click.option(
    "--headroom",
    type=click.FloatRange(0, 0.95),
    default=0.3,
    show_default=True,
    help="The share of each instance's capacity that stays free.",
)
def capacity(run: Path, rate: float, instances: int, headroom: float) -> int:
    """Say how many instances a rate takes, from a RUN that climbed until it broke (profile breakpoint)."""
    from tokenswarm.launch.look_back import show_capacity

    return show_capacity(run, rate, instances, headroom)
