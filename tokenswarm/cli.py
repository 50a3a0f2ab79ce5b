"""The command line. Each command hands over to the package that does it."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from pathlib import Path

import click

from tokenswarm import __version__
from tokenswarm.errors import ExitCode, TokenswarmError
from tokenswarm.mock.command import mock

_BASELINE = "Show in the report how it compares with this earlier run; the verdict is not touched."
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def commands() -> None:
    """Load tests for LLM gateways and proxies, on Locust, with verdicts.

    \b
    Exit codes: 0 pass, 99 a threshold failed, 104 bad configuration,
    105 interrupted, 111 inconclusive or invalid.
    """


commands.add_command(mock)


@commands.command()
@click.argument("profile")
@click.option("--target", metavar="NAME|URL", help="Where to aim; without it, an embedded mock gateway.")
@click.option("--model", help="Model to ask for, or several: a=3,b=1; the target's own by default.")
@click.option("--slo", metavar="NAME", help="Judge by this SLO instead of the profile's own.")
@click.option("--baseline", metavar="RUN", type=Path, help=_BASELINE)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Worker processes beside a master; none: one process."
)
@click.option(
    "--expect-workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Be the master of N workers that `tokenswarm worker` starts, here or on other machines.",
)
@click.option("--bind-host", metavar="ADDRESS", help="Where those workers come to; loopback by default.")
@click.option("--port", type=click.IntRange(1, 65535), help="Likewise; 5557 by default.")
@click.option("--expect-workers-max-wait", metavar="TIME", help="How long to wait for them; 60s by default.")
@click.option(
    "--prometheus-port", type=click.IntRange(1, 65535), help="Serve figures for Prometheus while it runs."
)
@click.option("--prometheus-host", metavar="ADDRESS", help="Of that port; loopback by default.")
@click.option(
    "--influx", metavar="URL", help="Send figures to InfluxDB: http://HOST:8086/write?db=NAME, or v2's."
)
@click.option("--time-scale", type=float, default=1.0, show_default=True, help="Multiplies every duration.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of prompts, mix and pauses.")
@click.option(
    "--target-pid", type=click.IntRange(min=1), help="Watch CPU and memory of this process and its children."
)
@click.option("--target-process", metavar="NAME", help="The same for all processes of this name.")
@click.option(
    "--profile-target",
    type=click.Choice(["perf", "py-spy"]),
    help="Sample its stacks in the stage called hold, or the longest, and draw a flame graph.",
)
@click.option(
    "--reports", type=_FOLDER, default=Path("reports"), show_default=True, help="Where run folders go."
)
def run(
    profile: str,
    target: str | None,
    model: str | None,
    slo: str | None,
    baseline: Path | None,
    workers: int | None,
    expect_workers: int | None,
    bind_host: str | None,
    port: int | None,
    expect_workers_max_wait: str | None,
    prometheus_port: int | None,
    prometheus_host: str | None,
    influx: str | None,
    time_scale: float,
    seed: int,
    target_pid: int | None,
    target_process: str | None,
    profile_target: str | None,
    reports: Path,
) -> int:
    """Load a gateway with PROFILE (a name or a path), judge it, and write reports."""
    from tokenswarm.launch.exports import Exports
    from tokenswarm.launch.fleet import fleet_of
    from tokenswarm.launch.run import RunRequest, run_profile
    from tokenswarm.profile.monitor import process_named
    from tokenswarm.profile.resolve import Names

    names = Names(profile, target, model, slo, time_scale, process_named(target_pid, target_process))
    fleet = fleet_of(workers, expect_workers, bind_host, port, expect_workers_max_wait)
    exports = Exports(prometheus_port, prometheus_host, influx)
    request = RunRequest(
        names, fleet, seed, reports, baseline=baseline, exports=exports, profiler=profile_target
    )
    return run_profile(request)


@commands.command()
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


@commands.command()
@click.argument("profile")
@click.option("--a", metavar="NAME|URL", help="What is in use; without --a and --b, the embedded mock twice.")
@click.option("--b", metavar="NAME|URL", help="What is to be judged against it.")
@click.option("--pairs", type=click.IntRange(2, 99), default=8, show_default=True, help="Runs of each side.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="KEY", help="To compare, such as latency:p95; many."
)
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="[KEY=]SHARE",
    help="What change for the worse is put up with; 5%, and 1% (points) of shares, by default.",
)
@click.option("--model", help="Model to ask both for; the targets' own by default.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes beside a master.")
@click.option("--time-scale", type=float, default=1.0, show_default=True, help="Multiplies every duration.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the order, and of prompts.")
@click.option(
    "--reports", type=_FOLDER, default=Path("reports"), show_default=True, help="Where the runs' folder goes."
)
def ab(
    profile: str,
    a: str | None,
    b: str | None,
    pairs: int,
    metrics: tuple[str, ...],
    margins: tuple[str, ...],
    model: str | None,
    workers: int | None,
    time_scale: float,
    seed: int,
    reports: Path,
) -> int:
    """Is B worse than A? Loads both with PROFILE, in pairs of runs whose order is left to chance.

    \b
    Exit codes: 0 equivalent or better, 99 regressed, 111 inconclusive, 105 interrupted.
    """
    from tokenswarm.launch.ab import AbRequest, run_ab
    from tokenswarm.launch.fleet import fleet_of

    fleet = fleet_of(workers, None, None, None, None)
    return run_ab(AbRequest(profile, a, b, model, pairs, fleet, metrics, margins, time_scale, seed, reports))


@commands.command()
@click.argument("profile", default="stress")
@click.option("--target", metavar="NAME|URL", help="Where to aim; without it, an embedded mock gateway.")
@click.option("--model", help="Model to ask for; the target's own by default.")
@click.option("--slo", metavar="NAME", help="Judge by this SLO instead of the profile's own.")
@click.option("--time-scale", type=float, default=1.0, show_default=True, help="Multiplies every duration.")
@click.option(
    "--web-host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen."
)
@click.option("--web-port", type=click.IntRange(1, 65535), default=8089, show_default=True)
@click.option(
    "--web-login",
    is_flag=True,
    help="Ask for TOKENSWARM_WEB_USER and the password whose hash is TOKENSWARM_WEB_PASSWORD_HASH.",
)
@click.option(
    "--reports", type=_FOLDER, default=Path("reports"), show_default=True, help="Where run folders go."
)
def web(
    profile: str,
    target: str | None,
    model: str | None,
    slo: str | None,
    time_scale: float,
    web_host: str,
    web_port: int,
    web_login: bool,
    reports: Path,
) -> int:
    """Open Locust's web UI with PROFILE chosen; run as often as you like, each with a report."""
    from tokenswarm.launch.web import WebRequest, serve_web_ui
    from tokenswarm.profile.resolve import Names

    names = Names(profile, target, model, slo, time_scale)
    return serve_web_ui(WebRequest(names, web_host, web_port, web_login, reports))


@commands.command("web-password")
@click.password_option(help="Asked for if it isn't given; on the command line others can read it.")
def web_password(password: str) -> None:
    """Print the hash of a password, for TOKENSWARM_WEB_PASSWORD_HASH."""
    from werkzeug.security import generate_password_hash

    click.echo(generate_password_hash(password))


@commands.command()
@click.option("--master", required=True, metavar="HOST", help="A name or an address, IPv6 as well.")
@click.option("--port", type=click.IntRange(1, 65535), default=5557, show_default=True)
@click.option(
    "--scenario",
    metavar="NAME|FILE",
    default="chat",
    show_default=True,
    help="The master's: the scenario of its profile.",
)
@click.option("--load-profile", metavar="NAME", help="Join only a run of this very profile.")
@click.option(
    "--master-max-wait", metavar="TIME", default="5m", show_default=True, help="How long to wait for it."
)
def worker(master: str, port: int, scenario: str, load_profile: str | None, master_max_wait: str) -> None:
    """Make load for a master, started with `tokenswarm run PROFILE --expect-workers N`.

    Keys come from this machine's environment: they never cross the wire.
    """
    from tokenswarm.launch.fleet import seconds_of
    from tokenswarm.launch.worker import WorkerRequest, become_worker

    max_wait_s = seconds_of("--master-max-wait", master_max_wait)
    become_worker(WorkerRequest(master, port, scenario, load_profile, max_wait_s))


@commands.command()
@click.argument("url")
@click.argument("concurrency", type=click.IntRange(min=1))
@click.argument("duration")
@click.option("--model", help="Model to ask for, or several: a=3,b=1; else TOKENSWARM_MODEL.")
@click.option("--streaming", metavar="SHARE", default="50%", show_default=True, help="Share of calls.")
@click.option(
    "--reports", type=_FOLDER, default=Path("reports"), show_default=True, help="Where run folders go."
)
def quick(url: str, concurrency: int, duration: str, model: str | None, streaming: str, reports: Path) -> int:
    """Load URL with CONCURRENCY calls in flight for DURATION, such as 30s; the key is TOKENSWARM_API_KEY.

    It fails if 1% of calls do.
    """
    from tokenswarm.launch.quick import quick_profile
    from tokenswarm.launch.run import RunRequest, run_profile
    from tokenswarm.profile.resolve import Names

    profile = quick_profile(concurrency, duration, streaming)
    return run_profile(RunRequest(Names(profile.name, url, model), None, 1, reports, profile))


@commands.command()
@click.argument("source", metavar="FOLDER|PREFIX", type=Path)
@click.option("--slo", metavar="NAME", help="For a Locust CSV prefix: judge by this SLO.")
@click.option(
    "--load-profile", metavar="NAME", help="For a Locust CSV prefix: judge by this profile's thresholds."
)
@click.option("--output", type=_FOLDER, help="Where reports of a CSV prefix go; beside it by default.")
@click.option("--baseline", metavar="RUN", type=Path, help=_BASELINE)
def report(
    source: Path, slo: str | None, load_profile: str | None, output: Path | None, baseline: Path | None
) -> int:
    """Make the reports of a run folder again, or of the CSV files of any Locust run (PREFIX_stats.csv …)."""
    from tokenswarm.launch.ab import is_ab_folder, judge_ab, refuse_for_ab
    from tokenswarm.launch.judge import judge_csv_prefix, judge_folder, refuse_for_folder
    from tokenswarm.report.recorded import read_recorded

    base = read_recorded(baseline) if baseline is not None else None
    if source.is_dir():
        refuse_for_folder(slo, load_profile, output)
        if is_ab_folder(source):
            refuse_for_ab(baseline)
            return judge_ab(source)
        return judge_folder(source, base)
    return judge_csv_prefix(source, slo, load_profile, output, base)


@commands.command()
@click.argument("profile")
@click.option("--target", metavar="NAME|URL", help="Check this target's file too.")
@click.option("--slo", metavar="NAME", help="Check with this SLO instead of the profile's own.")
@click.option("--time-scale", type=float, default=1.0, show_default=True, help="Multiplies every duration.")
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


@commands.command()
@click.argument("suite", metavar="NAME|FILE")
@click.option("--target", metavar="NAME|URL", help="For runs that name none of their own.")
@click.option("--model", help="Likewise.")
@click.option("--slo", metavar="NAME", help="Likewise.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes beside a master, in each run.")
@click.option("--time-scale", type=float, default=1.0, show_default=True, help="Multiplies every duration.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of prompts, mix and pauses.")
@click.option(
    "--reports", type=_FOLDER, default=Path("reports"), show_default=True, help="Where its folder goes."
)
def suite(
    suite: str,
    target: str | None,
    model: str | None,
    slo: str | None,
    workers: int | None,
    time_scale: float,
    seed: int,
    reports: Path,
) -> int:
    """Run the profiles of a suite one after another; the worst verdict is the exit code."""
    from tokenswarm.launch.fleet import fleet_of
    from tokenswarm.launch.suite import SuiteRequest, run_suite
    from tokenswarm.profile.resolve import Names

    names = Names(suite, target, model, slo, time_scale)
    return run_suite(SuiteRequest(names, fleet_of(workers, None, None, None, None), seed, reports))


@commands.command()
@click.argument("places", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="FOLDER/trend.html by default."
)
def trend(places: tuple[Path, ...], output: Path | None) -> int:
    """Show every figure of all runs in FOLDER over time: changes of level, and the error budget."""
    from tokenswarm.launch.look_back import show_trend

    return show_trend(places, output)


@commands.command()
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


@commands.command()
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


@commands.command()
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


@commands.command()
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


def main() -> None:
    """Run the command line; a user's mistake is one clear message and exit code 104."""
    # What stops a container or a CI job ends us as Ctrl-C does: cleaned up, and without a traceback.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        code = commands.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = ExitCode.BAD_CONFIGURATION
    except (click.Abort, KeyboardInterrupt):
        # An interruption inside code that a library made from a string (dataclasses do, while they are
        # imported) leaves a mark with which CPython kills itself by SIGINT at its end; new code clears it.
        exec("")  # noqa: S102 - nothing is executed
        click.echo("tokenswarm: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except TokenswarmError as error:
        click.echo(f"tokenswarm: {error}", err=True)
        code = error.exit_code
    sys.exit(int(code or 0))
