"""How many instances a wanted rate takes, from where a breakpoint run found that limits held and broke.

    instances = ceil(wanted ÷ (held rate ÷ instances that were loaded × (1 − headroom)))

Instances that share a database, a cache or a provider carry less together than alone; a run against several
of them, with --instances, says how much less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.report.figures import plain_rate

DEFAULT_HEADROOM: Final = 0.3
_UNTRUSTED: Final = ("invalid", "interrupted")


@dataclass(frozen=True, slots=True)
class Capacity:
    """Rates are calls per second. `broke_rate` None: the run never found where it breaks."""

    wanted_rate: float
    held_rate: float
    broke_rate: float | None
    broke_line: str
    loaded: int
    headroom: float

    @property
    def each(self) -> float:
        """What one instance may be given."""
        return self.held_rate / self.loaded * (1 - self.headroom)

    @property
    def instances(self) -> int:
        """How many it takes; one at least."""
        return max(1, math.ceil(self.wanted_rate / self.each - 1e-9))

    def render(self) -> str:
        """For people."""
        count = f"{self.instances} instance{'s' if self.instances != 1 else ''}"
        at_most = "" if self.broke_rate is not None else " or fewer"
        held = f"limits held up to {plain_rate(self.held_rate)} calls/s on {self.loaded}"
        broke = (
            f"broke at {plain_rate(self.broke_rate)}: {self.broke_line}"
            if self.broke_rate is not None
            else "did not break, so it may carry more: raise the profile's rates to know"
        )
        with_one_lost = self.instances + 1
        return "\n".join(
            (
                f"{plain_rate(self.wanted_rate)} calls/s take {count}{at_most}",
                f"  measured   {held}; {broke}",
                f"  each       {plain_rate(round(self.each, 1))} calls/s, {self.headroom:.0%} kept free",
                f"  one lost   {with_one_lost} instances carry it when one of them is down",
                "  assumed    instances don't share what is scarce; load several (--instances) to measure it",
            )
        )


def capacity_of(
    plain: Mapping[str, Any],
    source: str,
    wanted_rate: float,
    loaded: int = 1,
    headroom: float = DEFAULT_HEADROOM,
) -> Capacity:
    """From what summary.json holds; ConfigurationError if the run doesn't say what its target carries."""
    outcome = plain["verdict"]["outcome"]
    if outcome in _UNTRUSTED:
        raise ConfigurationError(f"{source}: the run is {outcome.upper()}, so nothing can be planned with it")
    found = plain.get("breakpoint")
    if not found:
        raise ConfigurationError(
            f"{source}: its load did not climb, so it does not say how much its target carries;"
            " `tokenswarm run breakpoint` does"
        )
    if not found["held_rate"]:
        raise ConfigurationError(
            f"{source}: at no rate are the limits known to have held; begin lower, or look at the thresholds"
        )
    return Capacity(
        wanted_rate, found["held_rate"], found["broke_rate"], found["broke_line"], loaded, headroom
    )
