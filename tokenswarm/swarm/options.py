"""The command-line options that tokenswarm adds to Locust, and the plan they name."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any, Final

from locust.env import Environment

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.monitor import process_named
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names
from tokenswarm.profile.schema import DEFAULT_SCENARIO
from tokenswarm.swarm.plan import RunPlan, build_plan

WEB: Final = "TOKENSWARM_WEB"  # set where the options are a form: what can be chosen is offered
SIZE_CLASSES: Final = ("short", "medium", "long")
# In a drop-down each choice needs words: an empty one looks like a fault of the page.
NO_PROFILE: Final = "(none)"
OWN_SLO: Final = "(the profile's own)"
_PROFILE: Final = "TOKENSWARM_LOAD_PROFILE"
_SCENARIO: Final = re.compile(r"^scenario: *['\"]?([\w-]+)", re.MULTILINE)


def add_options(parser: argparse.ArgumentParser, scenario: str = DEFAULT_SCENARIO) -> None:
    """Listener of `init_command_line_parser`. Locust owns `--profile`, so ours is `--load-profile`."""
    is_form = is_web()
    parser.add_argument(
        "--load-profile",
        default="",
        env_var=_PROFILE,
        choices=profiles_offered(scenario) if is_form else None,
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
        choices=slos_offered() if is_form else None,
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
        include_in_web_ui=False,
        help="Watch this process of the target, and its children, on this machine; with --run-folder",
    )
    parser.add_argument(
        "--target-process",
        default="",
        env_var="TOKENSWARM_TARGET_PROCESS",
        include_in_web_ui=False,
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
    if options.load_profile in ("", NO_PROFILE):
        return ""
    return load_profile(options.load_profile, SearchPath.of(Path.cwd()), os.environ).sha256


def plan_of(environment: Environment, scenario: str) -> RunPlan:
    """The plan that the options name as they are now; ConfigurationError with all that is wrong."""
    assert environment.parsed_options is not None
    return plan_by(environment.parsed_options, environment.host, scenario)


def plan_by(options: argparse.Namespace, host: str | None, scenario: str) -> RunPlan:
    """The plan of options that may not be the environment's; ConfigurationError with all that is wrong."""
    if options.run_folder and not Path(options.run_folder).is_dir():
        raise ConfigurationError(
            f"--run-folder {options.run_folder}: no such folder; make it, or use `tokenswarm run`, which does"
        )
    names = Names(
        profile="" if options.load_profile == NO_PROFILE else options.load_profile,
        target=options.target or host or None,
        model=options.model or None,
        slo=None if options.slo in ("", OWN_SLO) else options.slo,
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


def is_web() -> bool:
    """Whether `tokenswarm web` started this: its options are a form."""
    return bool(os.environ.get(WEB))


def profiles_offered(scenario: str) -> list[str]:
    """Profiles that this locustfile can run, for a drop-down; what was given by path is one more."""
    places = SearchPath.of(Path.cwd())
    names = [name for name in places.names("profile") if _scenario_in(places, name) == scenario]
    return list(dict.fromkeys((NO_PROFILE, *names, os.environ.get(_PROFILE) or NO_PROFILE)))


def slos_offered() -> list[str]:
    """All SLOs, for a drop-down; likewise."""
    names = SearchPath.of(Path.cwd()).names("SLO")
    return list(dict.fromkeys((OWN_SLO, *names, os.environ.get("TOKENSWARM_SLO") or OWN_SLO)))


def targets_offered(environment: Environment) -> list[str]:
    """All targets by name, after the one that this process was started with: it may be anywhere."""
    options = environment.parsed_options
    own = [options.target] if options is not None and options.target else []
    return list(dict.fromkeys((*own, *SearchPath.of(Path.cwd()).names("target"))))


def _scenario_in(places: SearchPath, profile: str) -> str:
    """Without reading its file as YAML: one that is broken is offered, and the page says what is wrong."""
    text = places.find("profile", profile).read_text(encoding="utf-8", errors="replace")
    found = _SCENARIO.search(text)
    return found[1] if found is not None else DEFAULT_SCENARIO
