"""`tokenswarm check`: what a run would do, in words, without a call being made."""

from __future__ import annotations

import os
from pathlib import Path

from tokenswarm.launch.embedded import PROVIDERS, needs_gateway
from tokenswarm.launch.scenario import locustfile_of
from tokenswarm.metrics.units import TIME, format_duration, format_figure
from tokenswarm.monitors.of_target import spec_of
from tokenswarm.profile.expectations import Expectations
from tokenswarm.profile.in_flight import longest_carried_s
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.schema import Profile, Stage
from tokenswarm.profile.slope import Slope
from tokenswarm.report.figures import plain_rate


def describe(names: Names) -> str:
    """The plan that these names make; ConfigurationError with all that is wrong with it."""
    cwd = Path.cwd()
    resolved = resolve(names, SearchPath.of(cwd), os.environ)
    profile = resolved.profile
    stages = StagePlan(profile.stages)
    target = resolved.target
    aim = "the embedded mock gateway"
    if needs_gateway(profile):
        aim += f", with {PROVIDERS} mock providers behind it"
    if target is not None:
        aim = f"{target.url}, {target.dialect}, model {target.shown_model}"
    monitors = spec_of(target).labels if target is not None else ()
    paired = [f"  paired      {profile.paired.share:.0%} of calls past the gateway"] if profile.paired else []
    cache = [f"  cache       {profile.cache.shown}"] if profile.cache else []
    lines = [
        f"{profile.name}: {profile.description}".rstrip(": "),
        f"  target      {aim}",
        f"  scenario    {locustfile_of(profile.scenario, cwd)}",
        *([f"  watched     {', '.join(monitors)}"] if monitors else []),
        f"  lasts       {format_duration(round(stages.total_s, 3))}",
        *(_stage_line(stage, slope) for stage, slope in zip(stages.stages, stages.slopes, strict=True)),
        *_open_lines(profile),
        f"  prompts     {_shares(profile)}",
        f"  streaming   {profile.streaming:.0%} of calls",
        *paired,
        *cache,
        *_expected_lines(profile),
        *_action_lines(profile),
        f"  judged by   {len(resolved.thresholds)} threshold lines",
        *(f"    {threshold.text}" for threshold in resolved.thresholds),
        "ok: nothing was called",
    ]
    return "\n".join(lines)


def _stage_line(stage: Stage, slope: Slope) -> str:
    note = ", warm-up: not judged" if stage.warmup else ""
    at_most = "≤ " if stage.requests is not None and stage.rate is None else ""
    lasts = f"{at_most}{format_duration(round(stage.duration_s, 3))}"
    return f"    {stage.name:<12}{lasts:>8}   {_load(stage, slope)}{note}"


def _load(stage: Stage, slope: Slope) -> str:
    """What the stage does: users of the closed model, calls of the open one."""
    unit = "users" if stage.rate is None else "calls/s"
    level = plain_rate(slope.end)
    if slope.begin != slope.end:
        level = f"{plain_rate(slope.begin)} → {level}"
    if stage.requests is None:
        return f"{level} {unit}"
    return f"{stage.requests:,} calls {'by' if stage.rate is None else 'at'} {level} {unit}"


def _open_lines(profile: Profile) -> list[str]:
    if profile.arrivals is None:
        return []
    shape = f", burstiness {profile.burstiness:g}" if profile.burstiness is not None else ""
    longest_s = longest_carried_s(profile)
    carries = f"; enough while answers take up to {format_figure(longest_s, TIME)}" if longest_s else ""
    return [
        f"  arrivals    {profile.arrivals}{shape}",
        f"  in flight   {profile.max_in_flight:,} at most{carries}",
    ]


def _expected_lines(profile: Profile) -> list[str]:
    checks = Expectations(profile.expect).checks
    return [f"  expects     {'; '.join(checks)}"] if checks else []


def _action_lines(profile: Profile) -> list[str]:
    if not profile.actions:
        return []
    longest = max(len(action.at) for action in profile.actions)
    lines = (f"    {action.at:<{longest}}  {action.name}: {action.did}" for action in profile.actions)
    return ["  actions", *lines]


def _shares(profile: Profile) -> str:
    whole = sum(weight for _, weight in profile.prompts.items())
    return ", ".join(f"{size} {weight / whole:.0%}" for size, weight in profile.prompts.items())
