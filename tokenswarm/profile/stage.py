"""A stage of a profile, as the file says it and with what follows from that filled in."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from tokenswarm.profile.values import Block, Flag, Name, PositiveDuration, WholeNumber, problem

_MOST_FOR_REQUESTS_S: Final = 600.0  # a target that hangs must not hold a run for ever

Rate = Annotated[float, Field(strict=True, ge=0, le=1_000_000, allow_inf_nan=False)]


class Stage(Block):
    """A stretch of the run and its load; a warm-up is recorded and never judged.

    In a profile `duration_s` is always filled in, and `rate` in the open model, where `users` is 0.
    """

    name: Name
    # A factory keeps the default out of the JSON Schema: nobody may write it.
    duration_s: PositiveDuration = Field(
        default_factory=float, alias="duration", description="left out where requests say it; else needed"
    )
    users: WholeNumber = Field(default_factory=int, description="closed model: how many at its end")
    rate: Rate | None = Field(default=None, description="open model: calls per second over all workers")
    requests: Annotated[int, Field(strict=True, ge=0, le=10_000_000)] | None = Field(
        default=None, description="exactly so many calls; 0 leaves a warm-up out"
    )
    from_: Rate | None = Field(
        default=None, alias="from", description="where the ramp starts, instead of at the stage before's end"
    )
    warmup: Flag = False
    transition: Literal["linear", "step"] = Field(
        default="linear", description="linear: from the stage before over the whole stage; step: at once"
    )

    @model_validator(mode="after")
    def _makes_calls(self) -> Stage:
        if self.requests == 0 and not self.warmup:
            raise problem("requests: got 0, need ≥ 1; only a warm-up may be left out")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = {key: value for key, value in write(self).items() if value is not None}
        if self.rate is not None:
            data.pop("users", None)
            if self.requests is not None:
                for key in ("duration", "duration_s"):
                    data.pop(key, None)
        return data


def judged_stages(stages: list[Stage]) -> list[Stage]:
    """Refuses stages of which none would be judged, or none makes calls."""
    judged = [stage for stage in stages if not stage.warmup]
    if not judged:
        raise problem("every stage is a warm-up, and warm-ups are never judged; add one that is not")
    if not any(stage.users or stage.rate or stage.from_ or stage.requests for stage in judged):
        what = "users; need ≥ 1" if all(stage.rate is None for stage in stages) else "a rate; need > 0"
        raise problem(f"no judged stage has {what} in at least one")
    return stages


def timed_stages(stages: list[Stage]) -> list[Stage]:
    """The stages that make calls, with the rate and the length of those that count them."""
    timed: list[Stage] = []
    following: Stage | None = None
    for stage in reversed(stages):
        if stage.requests != 0:
            following = _timed(stage, following)
            timed.append(following)
    return timed[::-1]


def _timed(stage: Stage, following: Stage | None) -> Stage:
    if stage.requests is None:
        return stage
    if stage.users:
        return stage.model_copy(update={"duration_s": stage.duration_s or _MOST_FOR_REQUESTS_S})
    rate = stage.rate
    if rate is None and following is not None:
        rate = following.rate if following.from_ is None else following.from_
    return stage.model_copy(update={"rate": rate, "duration_s": stage.requests / rate}) if rate else stage
