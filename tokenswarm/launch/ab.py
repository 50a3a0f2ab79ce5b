"""`tokenswarm ab`: a profile against A and against B, in pairs of runs whose order chance decides."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from tokenswarm import __version__
from tokenswarm.errors import ConfigurationError, ExitCode, TokenswarmError
from tokenswarm.launch.fleet import Fleet
from tokenswarm.launch.interrupts import Interrupts
from tokenswarm.launch.judge import judge_leg
from tokenswarm.launch.judge_ab import judge_ab
from tokenswarm.launch.run import RunRequest, apply_load
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, Resolved, resolve
from tokenswarm.report.ab import Leg, Side
from tokenswarm.report.ab_analysis import leg_of
from tokenswarm.report.ab_plan import AbPlan, chosen_figures, orders_of
from tokenswarm.report.figures import milliseconds, share
from tokenswarm.report.recorded import Recorded
from tokenswarm.runs.folder import new_folder
from tokenswarm.runs.machine import describe_machine
from tokenswarm.voice import say

_SIDES: Final = ("a", "b")
_SHOWN: Final[Mapping[str, Callable[[float], str]]] = {
    "latency:p50": milliseconds,
    "latency:p95": milliseconds,
    "success_rate": share,
}


@dataclass(frozen=True, slots=True)
class AbRequest:
    """The options of `tokenswarm ab`; `a` and `b` are both None for the embedded mock."""

    profile: str
    a: str | None
    b: str | None
    model: str | None
    pairs: int
    fleet: Fleet | None
    figures: Sequence[str]
    margins: Sequence[str]
    time_scale: float
    seed: int
    reports: Path

    def names(self, side: str) -> Names:
        """What a run of this side is of."""
        target = self.a if side == "a" else self.b
        return Names(self.profile, target, self.model, time_scale=self.time_scale, target_option=f"--{side}")


def run_ab(request: AbRequest) -> ExitCode:
    """Run all pairs, judge them; returns the exit code. Mistakes raise ConfigurationError before any load.

    What was measured is judged and kept even if not all pairs could be.
    """
    if (request.a is None) != (request.b is None):
        raise ConfigurationError(
            "ab: need both --a and --b; with neither, the embedded mock is compared with itself"
        )
    figures = chosen_figures(request.figures, request.margins)
    resolved = {side: _resolved(request, side) for side in _SIDES}
    plan = AbPlan(
        profile=resolved["a"].profile.name,
        a=_side(request.a, resolved["a"]),
        b=_side(request.b, resolved["b"]),
        orders=orders_of(request.pairs, Random(request.seed)),
        figures=figures,
        seed=request.seed,
        time_scale=request.time_scale,
        tool=f"tokenswarm {__version__}",
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["tokenswarm", *sys.argv[1:]]),
        environment=describe_machine(Path.cwd()),
        is_own_choice=bool(request.figures),
    )
    folder = new_folder(request.reports, f"ab-{plan.profile}")
    plan.write(folder)
    if not _measure(request, folder, plan).legs:
        _discard(folder)
        raise KeyboardInterrupt
    return judge_ab(folder)


def _measure(request: AbRequest, folder: Path, plan: AbPlan) -> AbPlan:
    """Run pair after pair; whatever ends it early, the plan says so and how far it came."""
    stopped, pair, side = "", 0, ""
    schedule = [(pair, side) for pair, order in enumerate(plan.orders, start=1) for side in order]
    try:
        for pair, side in schedule:
            say(f"pair {pair} of {request.pairs}, against {side.upper()}")
            done = _run_leg(request, folder, pair, side)
            kept = {"pair": pair, "side": side, "folder": done.leg.folder}
            plan = replace(plan, legs=(*plan.legs, kept))
            plan.write(folder)
            _say_leg(done.leg)
            if done.is_interrupted:
                stopped = _interrupted(pair, request.pairs)
                break
    except KeyboardInterrupt:
        stopped = _interrupted(pair, request.pairs)
    except TokenswarmError as error:
        if not plan.legs:
            _discard(folder)
            raise
        stopped = f"pair {pair} of {request.pairs}, against {side}: {error}"
    plan = replace(plan, state="stopped" if stopped else "finished", stopped=stopped)
    plan.write(folder)
    return plan


def _interrupted(pair: int, pairs: int) -> str:
    return f"interrupted in pair {pair} of {pairs}"


@dataclass(frozen=True, slots=True)
class _Done:
    leg: Leg
    is_interrupted: bool


def _run_leg(request: AbRequest, folder: Path, pair: int, side: str) -> _Done:
    # Both runs of a pair send the same prompts in the same order; other pairs send others.
    seed = request.seed + pair - 1
    name = f"{pair:02}-{side}"
    run = RunRequest(request.names(side), request.fleet, seed, request.reports, folder=folder / name)
    with Interrupts() as interrupts:
        ended = apply_load(run, interrupts)
        if ended is None:
            raise ConfigurationError("Locust refused to run; what it said stands above")
        summary = judge_leg(ended.folder, ended.facts)
        leg = leg_of(Recorded.of(summary.to_plain(), name), pair, side, name)
        return _Done(leg, interrupts.count > 0)


def _say_leg(leg: Leg) -> None:
    figures = [f"{name} {show(leg.figures[name])}" for name, show in _SHOWN.items() if name in leg.figures]
    doubt = f"; its pair won't count: {leg.trouble}" if leg.trouble else ""
    say(f"pair {leg.pair}, {leg.side}: {', '.join(figures) or 'no call succeeded'}{doubt}")


def _resolved(request: AbRequest, side: str) -> Resolved:
    return resolve(request.names(side), SearchPath.of(Path.cwd()), os.environ)


def _side(name: str | None, resolved: Resolved) -> Side:
    return Side(name or "", resolved.target.url if resolved.target is not None else "")


def _discard(folder: Path) -> None:
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()
    with contextlib.suppress(OSError):  # something is in it: it is kept
        folder.rmdir()
