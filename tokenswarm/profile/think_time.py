"""How long a user pauses between an answer and the next call."""

from __future__ import annotations

from random import Random
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, RootModel, Tag, model_validator

from tokenswarm.profile.values import Block, Duration, PositiveDuration, problem


class FixedPause(RootModel[Duration]):
    """Always the same: `100ms`."""

    def next(self, _rng: Random) -> float:
        """Seconds to pause."""
        return self.root


class UniformPause(Block):
    """Anything from `min` to `max`, equally likely."""

    min_s: Duration = Field(alias="min")
    max_s: Duration = Field(alias="max")

    @model_validator(mode="after")
    def _in_order(self) -> UniformPause:
        if self.min_s > self.max_s:
            raise problem("min is longer than max; exchange them")
        return self

    def next(self, rng: Random) -> float:
        """Seconds to pause."""
        return rng.uniform(self.min_s, self.max_s)


class ExponentialPause(Block):
    """As people pause: mostly short, sometimes long; `mean` on average."""

    mean_s: PositiveDuration = Field(alias="mean")
    distribution: Literal["exponential"]

    def next(self, rng: Random) -> float:
        """Seconds to pause."""
        return rng.expovariate(1 / self.mean_s)


def _kind(value: Any) -> str:
    if isinstance(value, UniformPause | ExponentialPause | FixedPause):
        return {UniformPause: "uniform", ExponentialPause: "exponential", FixedPause: "fixed"}[type(value)]
    if not isinstance(value, dict):
        return "fixed"
    return "exponential" if {"mean", "distribution"} & value.keys() else "uniform"


ThinkTime = Annotated[
    Annotated[FixedPause, Tag("fixed")]
    | Annotated[UniformPause, Tag("uniform")]
    | Annotated[ExponentialPause, Tag("exponential")],
    Discriminator(_kind),
]
"""A duration, `{min, max}`, or `{mean, distribution: exponential}`; `next(rng)` gives seconds."""
