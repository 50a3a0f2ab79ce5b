"""What is added on purpose, and so is known: overhead around the upstream's part, and the time of a hit."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from tokenswarm.mock.distribution import Distribution


class Overhead(NamedTuple):
    """Of one call, in seconds; what isn't spent before the upstream is called comes after it has answered."""

    total_s: float
    before_s: float


_STEP_S: Final = 5e-6
_MOST_S: Final = 500e-6


class Lateness:
    """What a call takes beyond its overhead: late timers, rendering, the last write.

    Learned, a small step at a time towards the median, so that waits can end that much earlier and half of
    the calls get no more than what was asked for. Bounded: a gateway that has too much to do shows it.
    """

    def __init__(self) -> None:
        self.median_s = 0.1e-3

    def learn(self, *, is_late: bool) -> None:
        """From one call: whether its overhead was more than was asked for."""
        self.median_s += _STEP_S if is_late else -_STEP_S
        self.median_s = min(max(self.median_s, 0.0), _MOST_S)


@dataclass(slots=True)
class Injected:
    """Distributions in ms; `before` is the overhead's share before the upstream is called."""

    overhead: Distribution
    before: float
    l1_delay: Distribution
    l2_delay: Distribution
    rng: Random
    lateness: Lateness = field(default_factory=Lateness)

    def draw_overhead(self) -> Overhead:
        total_s = self.overhead.draw(self.rng) / 1000
        before_s = min(total_s * self.before, total_s - self.lateness.median_s)
        return Overhead(total_s, max(0.0, before_s))

    def hit_delay_s(self, layer: str) -> float:
        delay = self.l1_delay if layer == "l1" else self.l2_delay
        return delay.draw(self.rng) / 1000
