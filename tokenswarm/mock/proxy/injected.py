"""What is added on purpose, and so is known: overhead around the upstream's part, and the time of a hit."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tokenswarm.mock.distribution import Distribution


class Overhead(NamedTuple):
    """Of one call, in seconds; what isn't spent before the upstream is called comes after it has answered."""

    total_s: float
    before_s: float


@dataclass(slots=True)
class Injected:
    """Distributions in ms; `before` is the overhead's share before the upstream is called."""

    overhead: Distribution
    before: float
    l1_delay: Distribution
    l2_delay: Distribution
    rng: Random

    def draw_overhead(self) -> Overhead:
        total_s = self.overhead.draw(self.rng) / 1000
        return Overhead(total_s, total_s * self.before)

    def hit_delay_s(self, layer: str) -> float:
        delay = self.l1_delay if layer == "l1" else self.l2_delay
        return delay.draw(self.rng) / 1000
