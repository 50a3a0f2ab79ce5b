"""The command-line options that tokenswarm adds to Locust, and the plan they name."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, Final

from locust.env import Environment

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.monitor import process_named
from tokenswarm.profile.places import Kind, SearchPath
from tokenswarm.profile.resolve import Names
from tokenswarm.swarm.plan import RunPlan, build_plan

WEB: Final = "TOKENSWARM_WEB"  # set where the options are a form: what can be chosen is offered
SIZE_CLASSES: Final = ("short", "medium", "long")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Listener of `init_command_line_parser`. Locust owns `--profile`, so ours is `--load-profile`."""
    offered = _offered if os.environ.get(WEB) else _not_offered
    parser.add_argument(
        "--load-profile",
        default="",
        env_var="TOKENSWARM_LOAD_PROFILE",
        choices=offered("profile", "TOKENSWARM_LOAD_PROFILE"),
        help="Profile by name (profiles/NAME.yaml) or path; without one, --users and --run-time apply",
    )
    parser.add_argument(
        "--target",
        default="",
        env_var="TOKENSWARM_TARGET",
        help="Target by name (profiles/targets/NAME.yaml) or URL; --host does the same for a URL",
    )
    parser.add_argument(
        "--slo",
        default="",
        env_var="TOKENSWARM_SLO",
        choices=offered("SLO", "TOKENSWARM_SLO"),
        help="SLO by name (profiles/slo/NAME.yaml) or path instead of the profile's own",
    )
    parser.add_argument(
        "--model",
        default="",
        env_var="TOKENSWARM_MODEL",
        help="Model to ask for; the target's own by default",
    )
    parser.add_argument(
        "--prompt-mix",
        default="",
        help="Shares of short, medium and long prompts instead of the profile's, such as 30/50/20",
    )
    parser.add_argument(
        "--streaming", default="", help="Share of calls that stream instead of the profile's, such as 0.5"
    )
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="Multiply every duration of the profile, such as 0.1"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="Seed of prompts, mix and pauses; same seed, same draws"
    )
    parser.add_argument(
        "--run-folder",
        default="",
        include_in_web_ui=False,
        help="Folder that `tokenswarm run` made for the measurements of this run",
    )
    parser.add_argument(
        "--reports",
        default="",
        include_in_web_ui=False,
        help="With the web UI: make a run folder and a report there for each run",
    )
    parser.add_argument(
        "--prometheus-port",
        type=int,
        default=0,
        env_var="TOKENSWARM_PROMETHEUS_PORT",
        include_in_web_ui=False,
        help="Serve figures for Prometheus on this port while the test runs",
    )
    parser.add_argument(
        "--prometheus-host",
        default="127.0.0.1",
        env_var="TOKENSWARM_PROMETHEUS_HOST",
        include_in_web_ui=False,
        help="The address of that port",
    )
    parser.add_argument(
        "--influx",
        default="",
        env_var="TOKENSWARM_INFLUX",
        include_in_web_ui=False,
        help="Send figures to InfluxDB: http://HOST:8086/write?db=NAME, or version 2's /api/v2/write",
    )
    parser.add_argument(
        "--target-pid",
        type=int,
        default=None,
        env_var="TOKENSWARM_TARGET_PID",
        help="Watch this process of the target, and its children, on this machine; with --run-folder",
    )
    parser.add_argument(
        "--target-process",
        default="",
        env_var="TOKENSWARM_TARGET_PROCESS",
        help="The same for all processes of this name",
    )
    parser.add_argument(
        "--master-max-wait",
        type=float,
        default=300.0,
        include_in_web_ui=False,
        help="Seconds that a worker waits for its master to take it",
    )


def is_target_named(environment: Environment) -> bool:
    """Whether there must be a target by now: only the web UI can ask for one later."""
    options = environment.parsed_options
    assert options is not None
    return bool(options.headless or options.autostart or options.target or environment.host)


def profile_hash_of(environment: Environment) -> str:
    """SHA-256 of the profile's file that the options name, "" if they name none; ConfigurationError."""
    options = environment.parsed_options
    assert options is not None
    if not options.load_profile:
        return ""
    return load_profile(options.load_profile, SearchPath.of(Path.cwd()), os.environ).sha256


def plan_of(environment: Environment, scenario: str) -> RunPlan:
    """The plan that the options name as they are now; ConfigurationError with all that is wrong."""
    assert environment.parsed_options is not None
    return plan_by(environment.parsed_options, environment.host, scenario)


def plan_by(options: argparse.Namespace, host: str | None, scenario: str) -> RunPlan:
    """The plan of options that may not be the environment's; ConfigurationError with all that is wrong."""
    names = Names(
        profile=options.load_profile,
        target=options.target or host or None,
        model=options.model or None,
        slo=options.slo or None,
        time_scale=options.time_scale,
        process=process_named(options.target_pid, options.target_process or None),
    )
    places = SearchPath.of(Path.cwd())
    return build_plan(
        names,
        scenario=scenario,
        seed=options.seed,
        places=places,
        environ=os.environ,
        changes=_changes(options),
    )


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say instead of the profile."""
    changes: dict[str, Any] = {}
    if options.prompt_mix:
        try:
            shares = [float(part) for part in options.prompt_mix.split("/")]
            changes["prompts"] = dict(zip(SIZE_CLASSES, shares, strict=True))
        except ValueError:
            raise ConfigurationError(
                f"--prompt-mix {options.prompt_mix}: need three numbers, for short, medium and long prompts,"
                " such as 30/50/20"
            ) from None
    if options.streaming:
        changes["streaming"] = options.streaming
    return changes


def _offered(kind: Kind, variable: str) -> list[str]:
    """Names for a drop-down, first that nothing is chosen; what was given by path is one more."""
    names = SearchPath.of(Path.cwd()).names(kind)
    return list(dict.fromkeys(("", *names, os.environ.get(variable, ""))))


def _not_offered(_kind: Kind, _variable: str) -> None:
    return None
