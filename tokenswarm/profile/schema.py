"""A load profile: what load to apply, and what must hold while it does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tokenswarm.errors import ProfileError
from tokenswarm.metrics.units import parse_duration
from tokenswarm.profile.actions import Action, timely_actions
from tokenswarm.profile.cache import Cache, fillable
from tokenswarm.profile.expectations import Expect
from tokenswarm.profile.load_model import check_load_model
from tokenswarm.profile.paired import Paired
from tokenswarm.profile.problems import dotted
from tokenswarm.profile.stage import Stage, judged_stages, timed_stages
from tokenswarm.profile.think_time import FixedPause, ThinkTime
from tokenswarm.profile.threshold_lines import Section
from tokenswarm.profile.values import (
    Block,
    Document,
    Name,
    Number,
    PositiveDuration,
    Share,
    problem,
)
from tokenswarm.profile.yaml_tree import Path

__all__ = [
    "DEFAULT_SCENARIO",
    "Profile",
    "Prompts",
    "Stage",
    "Timeouts",
    "check_stage_names",
    "check_timeouts",
    "json_schema",
    "stages_in",
]

DEFAULT_SCENARIO: Final = "chat"


class Prompts(Block):
    """How often each size class of prompt is drawn, as weights of CALLS."""

    short: Number = 0
    medium: Number = 0
    long: Number = 0

    @model_validator(mode="after")
    def _draws_something(self) -> Prompts:
        if not any(weight for _, weight in self.items()):
            raise problem("all weights are 0; give at least one size class some weight")
        return self

    def items(self) -> Iterator[tuple[str, float]]:
        """Size class and weight."""
        yield from (("short", self.short), ("medium", self.medium), ("long", self.long))


class Timeouts(Block):
    """How long each part of a call may take; the nearest one ends it."""

    connect_s: PositiveDuration = Field(default=5.0, alias="connect")
    first_token_s: PositiveDuration = Field(default=30.0, alias="first_token")
    idle_s: PositiveDuration = Field(default=30.0, alias="idle")
    total_s: PositiveDuration = Field(default=120.0, alias="total")


class Profile(Document):
    """What `profiles/NAME.yaml` says. Shares are from 0 to 1, times seconds."""

    name: Name
    description: str = ""
    scenario: Name = Field(default=DEFAULT_SCENARIO, description="locustfiles/NAME.py")
    arrivals: Literal["constant", "poisson", "gamma"] | None = Field(
        default=None, description="open model: how the gaps between calls are distributed"
    )
    burstiness: Annotated[float, Field(strict=True, ge=0.01, le=1000)] | None = Field(
        default=None, description="gamma's shape: below 1 in bursts, 1 as poisson, above 1 more even"
    )
    max_in_flight: Annotated[int, Field(strict=True, ge=1)] | None = Field(
        default=None, description="open model: a call that finds so many under way is dropped, and counted"
    )
    stages: Annotated[
        list[Stage], Field(min_length=1), AfterValidator(judged_stages), AfterValidator(timed_stages)
    ]
    prompts: Prompts = Prompts(short=30, medium=50, long=20)
    streaming: Share = Field(default=0.5, description="share of calls that ask for a stream")
    paired: Paired | None = Field(
        default=None, description="let some calls go past the gateway, to measure what it adds"
    )
    cache: Cache | None = Field(
        default=None, description="ask some questions again, to see what the gateway's cache makes of them"
    )
    think_time: ThinkTime = Field(default=FixedPause(0.0), description="between an answer and the next call")
    timeouts: Timeouts = Timeouts.model_validate({})
    rate_limits: Literal["count", "honour", "fail"] = Field(
        default="count",
        description="count: a 429 is one failure among others; honour: wait as long as it says and try again;"
        " fail: one fails the verdict",
    )
    expect: Expect = Field(default=Expect(), description="what counts as a right answer")
    actions: list[Action] = Field(
        default_factory=list, description="things done to the target while the load runs"
    )
    max_tokens: Annotated[int, Field(strict=True, ge=1)] | None = 500
    slo: str | None = Field(default=None, description="profiles/slo/NAME.yaml, or a path")
    thresholds: Section = Field(default_factory=dict)

    @model_validator(mode="after")
    def _acts_in_time(self) -> Profile:
        timely_actions(self.actions, self.stages)
        fillable(self.cache, self.stages)
        return self

    @classmethod
    def from_resolved(cls, data: Any, file: str = "") -> Self:
        """What `resolved` wrote; ProfileError if it is damaged."""
        profile = super().from_resolved(data, file)
        problems = [
            f"{file or cls.__name__}: {dotted(path)}: {said}" for path, said in check_load_model(data)
        ]
        if problems:
            raise ProfileError(problems)
        return profile


def stages_in(data: Any) -> dict[str, bool]:
    """Name → warm-up?, of raw and perhaps malformed YAML: enough to check what refers to stages."""
    stages = data.get("stages") if isinstance(data, dict) else None
    rows = [row for row in stages if isinstance(row, dict)] if isinstance(stages, list) else []
    return {row["name"]: row.get("warmup") is True for row in rows if isinstance(row.get("name"), str)}


def check_stage_names(data: Any) -> Iterator[tuple[Path, str]]:
    """Names that stand twice: thresholds could not tell them apart."""
    stages = data.get("stages")
    first: dict[str, int] = {}
    for i, row in enumerate(stages if isinstance(stages, list) else []):
        name = row.get("name") if isinstance(row, dict) else None
        if not isinstance(name, str):
            continue
        if name in first:
            yield ("stages", i, "name"), f"got {name}, which stages[{first[name]}] has too; names must differ"
        first.setdefault(name, i)


def check_timeouts(data: Any) -> Iterator[tuple[Path, str]]:
    """Timeouts that `total` forestalls; who only shortens `total` need not repeat the others."""
    timeouts = data.get("timeouts")
    if not isinstance(timeouts, dict) or "total" not in timeouts:
        return
    given_s: dict[str, float] = {}
    for name, value in timeouts.items():
        with suppress(ValueError):
            given_s[name] = parse_duration(str(value))
    for name in ("connect", "first_token", "idle"):
        if given_s.get(name, 0.0) > given_s.get("total", math.inf):
            yield ("timeouts", name), f"got {timeouts[name]}, longer than total, {timeouts['total']}"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a profile, for editors."""
    return Profile.model_json_schema(by_alias=True)
