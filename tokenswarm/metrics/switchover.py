"""When answers went over to another provider, and when they came back, from moments of the run.

at home --most calls of a second come from others--> away --most come from the usual provider--> at home

The usual provider is the one that answered most calls before anything was done to the target. A switch is
dated by the first moment in which most answers came from where calls went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.moments import Moments

_WINDOW_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Switch:
    """Answers went elsewhere, or came back, in that moment."""

    moment: int
    is_return: bool


@dataclass(frozen=True, slots=True)
class Switchover:
    """What one injection did to where answers come from. Times are seconds since the run's start."""

    usual: str  # the provider that answered most calls before anything was done
    left_s: float | None = None  # when they came from another than the usual provider
    returned_s: float | None = None  # when they came from it again, for good
    is_away: bool = False  # and still were when the next thing was done, or the run ended


def usual_provider(moments: Moments, until_s: float) -> str | None:
    """Who answered most calls before that time; None if no answer said."""
    end = moments.index(until_s)
    before = {name: _sum(by, 0, end) for name, by in moments.by_provider.items()}
    most = max(before, key=lambda name: before[name], default=None)
    return most if most is not None and before[most] else None


def switches_in(moments: Moments, usual: str, from_s: float, until_s: float) -> tuple[Switch, ...]:
    """Every switch between those times, in order; calls are with the usual provider at first."""
    begin, end, window = moments.index(from_s), moments.index(until_s), moments.span(_WINDOW_S)
    at_home = moments.by_provider[usual]
    elsewhere = [by for name, by in moments.by_provider.items() if name != usual]
    found: list[Switch] = []
    is_away = False
    for i in range(begin, end):
        # By the second alone a switch would be dated early: it would see what comes within it.
        for stop in (i + 1, min(i + window, end)):
            own = _sum(at_home, i, stop)
            others = sum(_sum(by, i, stop) for by in elsewhere)
            if not (own >= others and own if is_away else others > own):
                break
        else:
            found.append(Switch(i, is_return=is_away))
            is_away = not is_away
    return tuple(found)


def switchover_of(
    moments: Moments, switches: Sequence[Switch], usual: str, from_s: float, until_s: float
) -> Switchover:
    """What happened from an injection until the next one, or the end, among all switches of the run."""
    # A switch in the very moment of an injection is its doing.
    begin, end = moments.index(from_s), moments.index(until_s)
    before = [switch for switch in switches if switch.moment < begin]
    was_away = bool(before) and not before[-1].is_return
    own = [switch for switch in switches if begin <= switch.moment < end]
    is_away = not own[-1].is_return if own else was_away

    def time_of(switch: Switch | None) -> float | None:
        return None if switch is None else max(from_s, switch.moment * moments.width_s)

    left = next((switch for switch in own if not switch.is_return), None)
    return Switchover(
        usual,
        left_s=None if was_away else time_of(left),
        returned_s=time_of(own[-1]) if own and not is_away else None,
        is_away=is_away,
    )


def _sum(by_moment: Mapping[int, float], begin: int, end: int) -> float:
    return sum(by_moment.get(i, 0) for i in range(begin, end))
