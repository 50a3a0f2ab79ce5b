"""What an A/B comparison is to measure, and in which order: plan.json of its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

from tokenswarm.errors import ConfigurationError, RunFolderError
from tokenswarm.report.ab import Side
from tokenswarm.report.figure_key import FigureKey
from tokenswarm.report.percent import parse_percent
from tokenswarm.report.schema_number import read_as, read_json

PLAN: Final = "plan.json"
SCHEMA: Final = 1
DEFAULT_FIGURES: Final = ("latency:p50", "latency:p95", "ttft:p50", "ttft:p95", "success_rate")
DEFAULT_MARGIN: Final = 0.05
DEFAULT_POINTS: Final = 0.01
_FINEST: Final = 0.01  # what our histograms tell apart
_WIDEST: Final = 100.0
_TEXTS: Final = ("profile", "tool", "started_at", "command", "state", "stopped")
_NUMBERS: Final = ("seed", "time_scale")


@dataclass(frozen=True, slots=True)
class AbPlan:
    """`figures` maps each key to its margin. `state` and what follows it are filled in as the runs go."""

    profile: str
    a: Side
    b: Side
    orders: tuple[str, ...]
    figures: Mapping[str, float]
    seed: int
    time_scale: float
    tool: str
    started_at: str
    command: str
    environment: Mapping[str, Any]
    is_own_choice: bool = False  # whether the user named the figures
    state: str = "running"  # running, finished or stopped
    stopped: str = ""  # why, if not all pairs were measured
    legs: tuple[Mapping[str, Any], ...] = field(default=())  # pair, side and folder, as far as they ended

    def write(self, folder: Path) -> None:
        """Write plan.json; RunFolderError if that can't be done."""
        draft = folder / f"{PLAN}.new"
        try:
            draft.write_bytes(orjson.dumps({"schema": SCHEMA, **asdict(self)}, option=orjson.OPT_INDENT_2))
            draft.replace(folder / PLAN)
        except OSError as error:
            raise RunFolderError(f"{folder / PLAN}: can't be written: {error.strerror}") from None

    @classmethod
    def read(cls, folder: Path) -> AbPlan:
        """RunFolderError, with the reason, if this is no plan of ours."""
        file = folder / PLAN
        return read_as("a plan of pairs", read_json(file), SCHEMA, file, cls._read)

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> AbPlan:
        given = {name: value for name, value in data.items() if name != "schema"}
        given["a"], given["b"] = Side(**given["a"]), Side(**given["b"])
        given["orders"], given["legs"] = tuple(given["orders"]), tuple(given["legs"])
        given["figures"] = {
            str(FigureKey.parse(key)): _margin(key, margin) for key, margin in given["figures"].items()
        }
        wrong = [name for name in _TEXTS if not isinstance(given[name], str)]
        wrong += [name for name in _NUMBERS if not isinstance(given[name], int | float)]
        wrong += ["legs" for leg in given["legs"] if not _is_leg(leg)]
        wrong += ["orders" for order in given["orders"] if order not in ("ab", "ba")]
        if wrong or not isinstance(given["environment"], dict):
            raise ValueError(f"{(*wrong, 'environment')[0]} is not what `tokenswarm ab` writes")
        return cls(**given)


def _is_leg(leg: Any) -> bool:
    if not isinstance(leg, dict) or leg.get("side") not in ("a", "b"):
        return False
    return isinstance(leg.get("pair"), int) and isinstance(leg.get("folder"), str)


def _margin(key: str, margin: Any) -> float:
    share = float(margin)
    if not 0 < share <= _WIDEST:
        raise ValueError(f"the margin of {key} is {margin}")
    return share


def orders_of(pairs: int, rng: Random) -> tuple[str, ...]:
    """Blocks of ABBA or BAAB, as chance has it: what drifts evenly falls on both sides alike."""
    orders: list[str] = []
    while len(orders) < pairs:
        first = rng.choice(("ab", "ba"))
        orders += [first, first[::-1]]
    return tuple(orders[:pairs])


def chosen_figures(figures: Sequence[str], margins: Sequence[str]) -> dict[str, float]:
    """Each figure with its margin; ConfigurationError for what isn't one, or a margin too fine to be told.

    A margin is `5%` for all times and rates, or `KEY=5%` for one figure; of a share it is points.
    """
    keys = [FigureKey.parse(text) for text in figures or DEFAULT_FIGURES]
    for key in keys:
        if not key.worse:
            raise ConfigurationError(f"--metric {key}: neither more nor less of it is worse; choose another")
    for_all, for_one = DEFAULT_MARGIN, dict[str, float]()
    for text in margins:
        name, is_one, value = text.rpartition("=")
        share = parse_percent(f"--margin {name}".rstrip(), value)
        if not is_one:
            for_all = share
        elif str(FigureKey.parse(name)) not in [str(key) for key in keys]:
            raise ConfigurationError(f"--margin {text}: {name} isn't compared; name it with --metric, too")
        else:
            for_one[str(FigureKey.parse(name))] = share
    found = {str(key): for_one.get(str(key), DEFAULT_POINTS if key.is_share else for_all) for key in keys}
    for name, margin in found.items():
        if margin < _FINEST and not FigureKey.parse(name).is_share:
            raise ConfigurationError(
                f"--margin: {margin:.2%} for {name} is finer than can be told; need 1% or more"
            )
        if margin > _WIDEST:
            raise ConfigurationError(
                f"--margin: {margin:.4g} for {name} is no change that matters; need less"
            )
        if margin <= 0:
            raise ConfigurationError(f"--margin: 0% for {name} could never be ruled out; need more")
    return found
