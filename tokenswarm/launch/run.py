"""`tokenswarm run`: from a profile's name to a verdict.

resolve ─► mock, unless a target is named ─► preflight ─► run folder ─► Locust ─► judge
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tokenswarm.errors import ConfigurationError, ExitCode, RunFolderError
from tokenswarm.launch.embedded import Embedded, embedded
from tokenswarm.launch.exports import Exports
from tokenswarm.launch.extra_output import extra_output
from tokenswarm.launch.fleet import Fleet, RemoteFleet, warnings_of
from tokenswarm.launch.interrupts import Interrupts
from tokenswarm.launch.judge import judge_run
from tokenswarm.launch.limits import check_limits
from tokenswarm.launch.locust_process import LocustProcess, locust_command, shown
from tokenswarm.launch.profiler import Profiler, aim_of
from tokenswarm.launch.scenario import locustfile_of
from tokenswarm.launch.watching import check_monitors
from tokenswarm.launch.witness import Witness
from tokenswarm.monitors.of_target import spec_of
from tokenswarm.profile.in_flight import mean_latency_s, warn_of_in_flight
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.paired import provider_of
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, Resolved, check_monitored, resolve
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target
from tokenswarm.profile.values import Document
from tokenswarm.report.recorded import read_recorded
from tokenswarm.runs.facts import Started, facts_of
from tokenswarm.runs.folder import RunJson, fill_folder, last_events, make_folder, state_at_end
from tokenswarm.runs.machine import describe_machine
from tokenswarm.transport.arrival import arrival_clock_name
from tokenswarm.transport.preflight import Preflight, preflight_of
from tokenswarm.voice import say
from tokenswarm.wire.gateway_signals import AUTO


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The options of `tokenswarm run`."""

    names: Names
    fleet: Fleet | None
    seed: int
    reports: Path
    profile: Profile | None = None  # made on the spot: taken instead of the one that `names` names
    baseline: Path | None = None  # a run to hold this one against, in its report
    folder: Path | None = None  # of this very run, instead of a new one in `reports`
    exports: Exports = field(default_factory=Exports)  # figures for others while it goes
    profiler: str | None = None  # samples the target's stacks: perf or py-spy


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose load is over. `facts` are run.json's; `unkept` says why they aren't in it, if so."""

    folder: Path
    facts: dict[str, Any]
    unkept: str


def run_profile(request: RunRequest) -> ExitCode:
    """Run it; returns the verdict's exit code. Mistakes raise ConfigurationError before any load."""
    with Interrupts() as interrupts:
        output = extra_output(os.environ)
        baseline = read_recorded(request.baseline) if request.baseline is not None else None
        ended = apply_load(request, interrupts)
        if ended is None:
            return ExitCode.BAD_CONFIGURATION
        return judge_run(ended.folder, ended.facts, ended.unkept, output, baseline)


def apply_load(request: RunRequest, interrupts: Interrupts) -> Ended | None:
    """Run it up to where it can be judged; None if Locust refused it and has said why."""
    resolved = resolve(request.names, SearchPath.of(Path.cwd()), os.environ, request.profile)
    locustfile = locustfile_of(resolved.profile.scenario, Path.cwd())
    request.exports.check(os.environ)
    _say_limits(resolved, request.fleet)
    with ExitStack() as stack:
        own: Embedded | None = None
        target = resolved.target
        if target is None:
            own = stack.enter_context(_embedded(request, resolved))
            target = own.target
        monitors = spec_of(target)
        result = _say_preflights(resolved, target)
        for warning in check_monitors(monitors):
            say(f"warning: {warning}")
        spans = StagePlan(resolved.profile.stages).spans()
        aim = aim_of(request.profiler, monitors.process, spans) if request.profiler else None
        machine = describe_machine(Path.cwd())
        witness = Witness(own.front, own.behind) if own is not None else None
        interrupts.hold()  # from here on there is a folder to judge
        folder = _folder_of(request, resolved.profile.name)
        names = _kept(request, target, folder)
        options = [*_locust_options(names, target, request.seed), *request.exports.options()]
        command = locust_command(locustfile, folder, options, request.fleet)
        say(f"running {shown(command)}")
        workers = request.fleet.workers if request.fleet is not None else 1
        started = Started(request.names.time_scale, request.seed, workers, shown(command))
        facts = facts_of(resolved, target, started, is_mock=own is not None)
        facts["target"] |= {**_gateway_found(target, result), "monitors": list(monitors.labels)}
        if own is not None:
            facts["processes"] = own.processes
        environment = {**machine, "arrival_clock": arrival_clock_name()}
        run_json = _new_run_json(folder, {**facts, "environment": environment})
        with Profiler(aim, folder, say) as profiler, LocustProcess(command, interrupts) as locust:
            code = locust.wait()
        if code == ExitCode.BAD_CONFIGURATION:
            # It has said why, and nothing was loaded.
            shutil.rmtree(folder, ignore_errors=True)
            return None
        state = state_at_end(last_events(folder), code, was_interrupted=interrupts.count > 0)
        deaths = [asdict(death) for death in own.keeper.deaths] if own and own.keeper else []
        ending = {"mock": _statement(witness), "deaths": deaths, "flame_graph": profiler.facts}
        unkept = ""
        try:
            run_json.end(state, locust_exit_code=code, **ending)
        except RunFolderError as error:
            unkept = str(error)
    return Ended(folder, run_json.facts, unkept)


@contextmanager
def _embedded(request: RunRequest, resolved: Resolved) -> Iterator[Embedded]:
    if request.names.process is not None:
        raise ConfigurationError(
            "--target-pid, --target-process: the embedded mock is watched anyway; name a --target, too"
        )
    with embedded(resolved.profile, request.names.model) as own:
        _say_processes(own)
        check_monitored(resolved.thresholds, own.target)
        yield own


def _folder_of(request: RunRequest, profile: str) -> Path:
    if request.folder is None:
        return make_folder(request.reports, profile)
    fill_folder(request.folder)
    return request.folder


def _say_limits(resolved: Resolved, fleet: Fleet | None) -> None:
    if isinstance(fleet, RemoteFleet):
        fleet.check_address()
        for warning in warnings_of(fleet, resolved.target.url if resolved.target is not None else ""):
            say(f"warning: {warning}")
        if resolved.target is not None:
            return  # the connections are the workers'
    stages = StagePlan(resolved.profile.stages)
    users = (resolved.profile.max_in_flight or 0) if stages.is_open else int(stages.peak)
    connections = users if resolved.profile.paired is None else 2 * users  # one to each arm
    for warning in check_limits(
        connections, fleet.workers if fleet is not None else 1, has_mock=resolved.target is None
    ):
        say(warning)


def _say_processes(own: Embedded) -> None:
    """Who runs where: a process that is to be killed must be found."""
    if own.stack is not None:
        for process in own.processes:
            say(f"started the {process['name']}: pid {process['pid']}, {process['url']}")


def _say_preflights(resolved: Resolved, target: Target) -> Preflight:
    """Of the target, and of the provider behind it where calls go to that one, too; returns the target's."""
    result = _say_preflight(resolved, target)
    _say_in_flight(resolved.profile, result)
    provider = provider_of(target, resolved.profile.paired)
    if provider is not None:
        _say_preflight(resolved, provider)
    return result


def _say_preflight(resolved: Resolved, target: Target) -> Preflight:
    say(f"preflight: calling {target.url}")
    result = preflight_of(resolved.profile, target)
    for warning in result.warnings:
        say(f"preflight: {warning}")
    end = "going on" if result.warnings else f"{result.calls} calls to {target.url}, ok"
    say(f"preflight: {end}")
    if target.gateway == AUTO and result.gateway is not None and resolved.target is not None:
        say(f"preflight: gateway: {result.gateway.gateway}, by {result.gateway.why}")
    return result


def _gateway_found(target: Target, result: Preflight) -> dict[str, str]:
    """What answers to preflight betrayed, where nobody said whose they are."""
    if target.gateway != AUTO or result.gateway is None:
        return {}
    return {"gateway_found": result.gateway.gateway, "gateway_found_by": result.gateway.why}


def _say_in_flight(profile: Profile, result: Preflight) -> None:
    """One call by itself is as fast as the target gets: a cap that is too low for it is too low for load."""
    warning = warn_of_in_flight(profile, mean_latency_s(profile, result.latency_s))
    if warning is not None:
        say(f"warning: {warning}")


def _kept(request: RunRequest, target: Target, folder: Path) -> Names:
    """The names for Locust; what was made on the spot becomes a file of the run folder."""
    names = request.names
    if request.profile is not None:
        names = replace(names, profile=_write(folder / "profile.yaml", request.profile))
    if names.target is None:
        # A URL can name no provider, no admin URLs, and none of the rules by which answers are read.
        is_stack = target.provider is not None
        if is_stack:
            names = replace(names, target=_write(folder / "target.yaml", target))
        else:
            names = replace(names, target=target.url, process=target.monitor.process)
    return names


def _write(file: Path, document: Document) -> str:
    file = file.resolve()
    try:
        file.write_text(yaml.safe_dump(document.resolved(), sort_keys=False), encoding="utf-8")
    except OSError as error:
        shutil.rmtree(file.parent, ignore_errors=True)
        raise RunFolderError(f"{file}: can't be written: {error.strerror}") from None
    return str(file)


def _locust_options(names: Names, target: Target, seed: int) -> list[str]:
    options = ["--load-profile", names.profile, "--target", names.target or target.url]
    model = names.model or target.model
    if model:  # several that a target's file names are read from there once more
        options += ["--model", model]
    if names.slo:
        options += ["--slo", names.slo]
    if names.process is not None and names.process.pid is not None:
        options += ["--target-pid", str(names.process.pid)]
    elif names.process is not None and names.process.name is not None:
        options += ["--target-process", names.process.name]
    return [*options, "--time-scale", f"{names.time_scale:g}", "--seed", str(seed)]


def _new_run_json(folder: Path, facts: dict[str, Any]) -> RunJson:
    try:
        return RunJson(folder, facts)
    except RunFolderError:
        shutil.rmtree(folder, ignore_errors=True)  # nothing has run: there is nothing to keep
        raise


def _statement(witness: Witness | None) -> dict[str, Any] | None:
    try:
        return witness.statement() if witness is not None else None
    except ConnectionError as error:
        say(f"warning: {error}; its count is missing")
        return None
