"""A test of the gateway's cache: which share of calls repeats a question, how, and out of how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.call import CACHE_ARMS
from tokenswarm.metrics.units import format_duration
from tokenswarm.profile.stage import Stage
from tokenswarm.profile.values import Block, Number, PositiveDuration, problem

# What is known of each question, answers to it included, is kept: some kB each.
MOST_QUESTIONS: Final = 10_000


class Cache(Block):
    """`cache:` of a profile. The arms are weights of calls through the gateway."""

    exact: Number = Field(default=0, description="the same text again")
    varied: Number = Field(default=0, description="a question of the pool in other words")
    unique: Number = Field(default=0, description="what nobody asked before")
    expired: Number = Field(default=0, description="a unique question again, after the time to live")
    pool: Annotated[int, Field(strict=True, ge=1, le=MOST_QUESTIONS)] = Field(
        default=100, description="how many questions are repeated"
    )
    zipf: Annotated[float, Field(strict=True, ge=0, le=5)] = Field(
        default=0.0, description="popularity: the k-th question in proportion to 1/k^zipf; 0: all alike"
    )
    start: Literal["cold", "warm"] = Field(
        default="cold",
        description="warm: warm-up stages ask each question of the pool once; cold: none of it",
    )
    ttl_s: PositiveDuration | None = Field(
        default=None, alias="ttl", description="how long the cache is said to keep an answer"
    )

    @model_validator(mode="after")
    def _repeats_something(self) -> Cache:
        if not (self.exact or self.varied):
            raise problem("nothing is repeated: give exact or varied some weight")
        if self.expired and self.ttl_s is None:
            raise problem("expired asks again after the time to live: write it as ttl, such as ttl: 60s")
        return self

    @property
    def shown(self) -> str:
        """For people: `exact 60%, unique 40% of calls; 100 questions by zipf 1, cold`."""
        whole = sum(self.arms.values())
        shares = ", ".join(f"{arm} {weight / whole:.0%}" for arm, weight in self.arms.items())
        popularity = f" by zipf {self.zipf:g}" if self.zipf else ""
        ttl = f", ttl {format_duration(self.ttl_s)}" if self.ttl_s is not None else ""
        return f"{shares} of calls; {self.pool} questions{popularity}, {self.start}{ttl}"

    @property
    def arms(self) -> dict[str, float]:
        """Arm → weight, of those that have one."""
        return {arm: weight for arm in CACHE_ARMS if (weight := getattr(self, arm))}


def fillable(cache: Cache | None, stages: Sequence[Stage]) -> None:
    """Refuses a warm start that nothing warms: raises a problem."""
    if cache is not None and cache.start == "warm" and not any(stage.warmup for stage in stages):
        raise problem("cache: start: warm needs a stage with warmup: true, in which the cache is filled")


def check_expiry(cache: Cache | None, lasts_s: float) -> None:
    """ConfigurationError if no answer can expire within the run, at its full length."""
    if cache is None or not cache.expired or cache.ttl_s is None or cache.ttl_s < lasts_s:
        return
    raise ConfigurationError(
        f"cache: ttl is {format_duration(cache.ttl_s)} and the run lasts {format_duration(lasts_s)}, so no"
        " answer would expire; lengthen a stage, or take expired away"
    )
