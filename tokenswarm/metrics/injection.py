"""What was done to a target, what came of it, and the three times that say how well it coped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.recovery import Recovery
from tokenswarm.metrics.source import Aggregation, Reading
from tokenswarm.metrics.switchover import Switchover


@dataclass(frozen=True, slots=True)
class Happening:
    """Something done to the target, or that befell it, at that time of the run."""

    at_s: float
    name: str
    did: str = ""  # what was done, for people
    is_ok: bool = True
    said: str = ""  # by whom it was done to


@dataclass(frozen=True, slots=True)
class Injection:
    """A happening and what came of it. `switchover` None: no answer names its provider."""

    happening: Happening
    recovery: Recovery
    switchover: Switchover | None = None
    is_last: bool = False

    @property
    def at_s(self) -> float:
        """When it was done, in seconds since the run's start."""
        return self.recovery.injected_s

    @property
    def failover_s(self) -> float | None:
        """Until another provider than the usual one answered; None if none did."""
        left_s = self.switchover.left_s if self.switchover is not None else None
        return None if left_s is None else left_s - self.at_s

    @property
    def return_s(self) -> float | None:
        """Until the usual provider answered again; None if it did all the time, or not before the next."""
        returned_s = self.switchover.returned_s if self.switchover is not None else None
        return None if returned_s is None else returned_s - self.at_s


@dataclass(frozen=True, slots=True)
class Spell:
    """A time that something took, or has taken so far."""

    seconds: float
    has_ended: bool


def _recovery(injection: Injection) -> Spell:
    recovery = injection.recovery
    if recovery.took_s is None:
        return Spell(recovery.observed_until_s - recovery.injected_s, has_ended=False)
    return Spell(recovery.took_s, has_ended=True)


def _failover(injection: Injection) -> Spell | None:
    return None if injection.failover_s is None else Spell(injection.failover_s, has_ended=True)


def _return(injection: Injection) -> Spell | None:
    if injection.return_s is not None:
        return Spell(injection.return_s, has_ended=True)
    # What was done next may well have been meant to bring it back; after the last one nothing can.
    if injection.is_last and injection.switchover is not None and injection.switchover.is_away:
        return Spell(injection.recovery.observed_until_s - injection.at_s, has_ended=False)
    return None


@dataclass(frozen=True, slots=True)
class _Measure:
    spell: Callable[[Injection], Spell | None]
    why_absent: str
    why_open: str = ""


INJECTION_TIMES: Final[Mapping[str, _Measure]] = {
    "recovery_time": _Measure(
        _recovery, "nothing was done to the target there", "it had not recovered when the run ended"
    ),
    "failover_time": _Measure(_failover, "answers went over to no other provider there, or name none"),
    "return_time": _Measure(
        _return,
        "answers came back to no provider there, or name none",
        "answers still came from another provider when the run ended",
    ),
}


def injection_reading(metric: str, injections: Sequence[Injection], aggregation: Aggregation) -> Reading:
    """One figure over several, in seconds; a spell that was not seen to end bounds it from below."""
    measure = INJECTION_TIMES[metric]
    spells = [spell for spell in map(measure.spell, injections) if spell is not None]
    if not spells:
        return Reading.absent(measure.why_absent)
    seconds = sorted(spell.seconds for spell in spells)
    count = len(seconds)
    if aggregation.name == "count":
        return Reading.exact(count, count)
    quantile = {"min": 0.0, "max": 1.0}.get(aggregation.name, aggregation.quantile)
    value = (
        sum(seconds) / count if quantile is None else seconds[max(0, math.ceil(quantile * count - 1e-9) - 1)]
    )
    if all(spell.has_ended for spell in spells):
        return Reading.exact(value, count)
    return Reading(value, count, value, math.inf, measure.why_open)
