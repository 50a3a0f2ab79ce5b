"""`tokenswarm check`: what a run would do, in words, without a call being made."""

from __future__ import annotations

from tokenswarm.launch.resolve import Names, resolve
from tokenswarm.metrics.units import format_duration
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Profile, Stage


def describe(names: Names) -> str:
    """The plan that these names make; ConfigurationError with all that is wrong with it."""
    resolved = resolve(names)
    profile = resolved.profile
    stages = StagePlan(profile.stages)
    target = resolved.target
    aim = f"{target.url}, {target.dialect}, model {target.model}" if target else "the embedded mock gateway"
    lines = [
        f"{profile.name}: {profile.description}".rstrip(": "),
        f"  target      {aim}",
        f"  scenario    {resolved.locustfile}",
        f"  lasts       {format_duration(stages.total_s)}",
        *(_stage_line(stage, before) for stage, before in _with_before(profile)),
        f"  prompts     {_shares(profile)}",
        f"  streaming   {profile.streaming:.0%} of calls",
        f"  judged by   {len(resolved.thresholds)} threshold lines",
        *(f"    {threshold.text}" for threshold in resolved.thresholds),
        "ok: nothing was called",
    ]
    return "\n".join(lines)


def _with_before(profile: Profile) -> list[tuple[Stage, Stage | None]]:
    return list(zip(profile.stages, [None, *profile.stages], strict=False))


def _stage_line(stage: Stage, before: Stage | None) -> str:
    is_ramp = before is not None and stage.transition == "linear" and before.users != stage.users
    users = f"{before.users} → {stage.users} users" if before and is_ramp else f"{stage.users} users"
    note = ", warm-up: not judged" if stage.warmup else ""
    return f"    {stage.name:<12}{format_duration(stage.duration_s):>8}   {users}{note}"


def _shares(profile: Profile) -> str:
    whole = sum(weight for _, weight in profile.prompts.items())
    return ", ".join(f"{size} {weight / whole:.0%}" for size, weight in profile.prompts.items())
