"""Verbs that make load: one run, many in a row or in pairs, and Locust's own web UI and workers."""

from __future__ import annotations

from pathlib import Path

import click

from tokenswarm.cli import options


@click.command()
@click.argument("profile")
@options.own_target
@click.option("--model", help="Model to ask for, or several: a=3,b=1; the target's own by default.")
@options.own_slo
@options.baseline
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
@options.prometheus_port
@options.prometheus_host
@options.influx
@options.time_scale
@options.seed("Of prompts, mix and pauses.")
@click.option(
    "--target-pid", type=click.IntRange(min=1), help="Watch CPU and memory of this process and its children."
)
@click.option("--target-process", metavar="NAME", help="The same for all processes of this name.")
@click.option(
    "--profile-target",
    type=click.Choice(["perf", "py-spy"]),
    help="Sample its stacks in the stage called hold, or the longest, and draw a flame graph.",
)
@options.reports("Where run folders go.")
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


@click.command()
@click.argument("url")
@click.argument("concurrency", type=click.IntRange(min=1))
@click.argument("duration")
@click.option("--model", help="Model to ask for, or several: a=3,b=1; else TOKENSWARM_MODEL.")
@click.option("--streaming", metavar="SHARE", default="50%", show_default=True, help="Share of calls.")
@options.reports("Where run folders go.")
def quick(url: str, concurrency: int, duration: str, model: str | None, streaming: str, reports: Path) -> int:
    """Load URL with CONCURRENCY calls in flight for DURATION, such as 30s; the key is TOKENSWARM_API_KEY.

    It fails if 1% of calls do.
    """
    from tokenswarm.launch.quick import quick_profile
    from tokenswarm.launch.run import RunRequest, run_profile
    from tokenswarm.profile.resolve import Names

    profile = quick_profile(concurrency, duration, streaming)
    names = Names(profile.name, url, model, target_option="URL")
    return run_profile(RunRequest(names, None, 1, reports, profile))


@click.command()
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
@options.time_scale
@options.seed("Of the order, and of prompts.")
@options.reports("Where the runs' folder goes.")
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

    fleet = fleet_of(workers)
    return run_ab(AbRequest(profile, a, b, model, pairs, fleet, metrics, margins, time_scale, seed, reports))


@click.command()
@click.argument("suite", metavar="NAME|FILE")
@click.option("--target", metavar="NAME|URL", help="For runs that name none of their own.")
@click.option("--model", help="Likewise.")
@click.option("--slo", metavar="NAME", help="Likewise.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes beside a master, in each run.")
@options.time_scale
@options.seed("Of prompts, mix and pauses.")
@options.reports("Where its folder goes.")
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
    return run_suite(SuiteRequest(names, fleet_of(workers), seed, reports))


@click.command()
@click.argument("profile", default="stress")
@options.own_target
@click.option("--model", help="Model to ask for; the target's own by default.")
@options.own_slo
@options.time_scale
@click.option(
    "--web-host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen."
)
@click.option("--web-port", type=click.IntRange(1, 65535), default=8089, show_default=True)
@click.option(
    "--web-login",
    is_flag=True,
    help="Ask for TOKENSWARM_WEB_USER and the password whose hash is TOKENSWARM_WEB_PASSWORD_HASH.",
)
@options.prometheus_port
@options.prometheus_host
@options.influx
@options.reports("Where run folders go.")
def web(
    profile: str,
    target: str | None,
    model: str | None,
    slo: str | None,
    time_scale: float,
    web_host: str,
    web_port: int,
    web_login: bool,
    prometheus_port: int | None,
    prometheus_host: str | None,
    influx: str | None,
    reports: Path,
) -> int:
    """Open Locust's web UI with PROFILE chosen; run as often as you like, each with a report."""
    from tokenswarm.launch.exports import Exports
    from tokenswarm.launch.web import WebRequest, serve_web_ui
    from tokenswarm.profile.resolve import Names

    names = Names(profile, target, model, slo, time_scale)
    exports = Exports(prometheus_port, prometheus_host, influx)
    return serve_web_ui(WebRequest(names, web_host, web_port, web_login, reports, exports))


@click.command("web-password")
@click.password_option(help="Asked for if it isn't given; on the command line others can read it.")
def web_password(password: str) -> None:
    """Print the hash of a password, for TOKENSWARM_WEB_PASSWORD_HASH."""
    from werkzeug.security import generate_password_hash

    click.echo(generate_password_hash(password))


@click.command()
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
