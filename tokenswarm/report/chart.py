"""One chart as data: curves over an axis, with limits, stages and marks. Templates draw it, scripts read it.

Paths are in a square of SIZE by SIZE that is stretched over the plot; everything else has its place as a
share of the plot's width and height, so that the page can zoom by setting the shares at its edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tokenswarm.report.figures import time_ms
from tokenswarm.report.ticks import Tick, number_ticks

SIZE: Final = 10_000
_ROOM_ABOVE: Final = 1.12  # of the highest value
# A limit far above everything measured would press the curve flat; it is named instead of drawn.
_HIGHEST_LIMIT: Final = 2.5
_LABEL_PX: Final = 15  # the height of a rule's label
_SLOTS: Final = 3  # labels side by side: more would not fit on a phone
_MARKED_UP_TO: Final = 90  # with more points, marks would hide the line


@dataclass(frozen=True, slots=True)
class Axis:
    """What charts of one `key` have in common: they are zoomed and read together.

    `at` are the places of the values; `words` say them where a number would not: `p99.9`, `250/s`.
    """

    key: str
    low: float
    high: float
    at: tuple[float, ...]
    ticks: tuple[Tick, ...]
    words: tuple[str, ...] = ()
    unit: str = ""  # s or clock: numbers are made anew when it is zoomed

    def share(self, place: float) -> float:
        """Where a place is, from 0 at the left to 1 at the right."""
        return round((place - self.low) / (self.high - self.low), 5)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line; None where nothing was measured. `colour` is the palette's."""

    name: str
    colour: str
    values: tuple[float | None, ...]
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line between two places, such as a limit. `slot` counts labels that stand side by side.

    None: there is no place for its label.
    """

    name: str
    colour: str
    severity: str  # warn or fail
    value: float
    start: float
    end: float
    slot: int | None = 0


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch that lies behind the curves: a stage."""

    name: str
    start: float
    end: float
    is_odd: bool
    is_warmup: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A vertical line, and what it says at its foot."""

    at: float
    text: str
    colour: str


class Chart:
    """A chart, ready to be drawn."""

    def __init__(
        self,
        key: str,
        title: str,
        unit: str,
        axis: Axis,
        curves: Sequence[Curve],
        *,
        height: int = 190,
        rules: Sequence[Rule] = (),
        bands: Sequence[Band] = (),
        lines: Sequence[Line] = (),
        most: float | None = None,
        is_marked: bool = True,
    ) -> None:
        self.key, self.title, self.unit, self.axis = key, title, unit, axis
        self.curves, self.bands, self.lines, self.height = tuple(curves), tuple(bands), tuple(lines), height
        highest = max((v for curve in curves for v in curve.values if v is not None), default=0.0) or 1.0
        near = _without_repeats([rule for rule in rules if rule.value <= _HIGHEST_LIMIT * highest])
        self.top = max(highest, *(rule.value for rule in near), 0.0) * _ROOM_ABOVE
        if most is not None:  # a share has an end
            self.top = min(self.top, most)
        self.rules = _side_by_side(near, self.top * _LABEL_PX / height)
        far = (rule.name for rule in rules if rule.value > _HIGHEST_LIMIT * highest)
        self.beyond = tuple(dict.fromkeys(far))
        self.ticks = number_ticks(0, self.top)
        self.is_marked = is_marked and len(axis.at) <= _MARKED_UP_TO

    @property
    def unnamed(self) -> tuple[str, ...]:
        """Names of the rules that have no label, each once."""
        return tuple(dict.fromkeys(rule.name for rule in self.rules if rule.slot is None))

    @property
    def is_area(self) -> bool:
        """Whether what is below the first curve is filled: where curves can't hide each other."""
        return len(self.curves) == 1

    def height_of(self, value: float) -> float:
        """Where a value is, from 0 at the foot to 1 at the top."""
        return round(value / self.top, 5)

    def path(self, curve: Curve) -> str:
        """The line, broken where nothing was measured."""
        steps = []
        for run in self._runs(curve):
            steps.append(f"M{run[0][0]} {run[0][1]}")
            # A point alone is a line of no length, which round ends make visible.
            steps += [f"L{x} {y}" for x, y in run[1:]] or ["h0"]
        return "".join(steps)

    def dots(self, curve: Curve) -> str:
        """A point at each value."""
        return "".join(f"M{x} {y}h0" for run in self._runs(curve) for x, y in run)

    def area(self, curve: Curve) -> str:
        """What is below the line."""
        return "".join(
            f"M{run[0][0]} {SIZE}{''.join(f'L{x} {y}' for x, y in run)}L{run[-1][0]} {SIZE}z"
            for run in self._runs(curve)
        )

    def _runs(self, curve: Curve) -> Iterator[list[tuple[int, int]]]:
        run: list[tuple[int, int]] = []
        for place, value in zip(self.axis.at, curve.values, strict=True):
            if value is not None:
                run.append((round(self.axis.share(place) * SIZE), round((1 - self.height_of(value)) * SIZE)))
            elif run:
                yield run
                run = []
        if run:
            yield run

    @property
    def description(self) -> str:
        """The chart in words, for who can't see it."""
        said = []
        for curve in self.curves:
            known = [value for value in curve.values if value is not None]
            if known:
                said.append(f"{curve.name} from {time_ms(min(known))} to {time_ms(max(known))}")
        lines = [line.text for line in self.lines]
        return f"{self.title}: {'; '.join([*said, *lines])}."

    def to_plain(self) -> dict[str, Any]:
        """What the page's script needs in order to read values and to scale anew."""
        return {
            "axis": self.axis.key,
            "unit": self.unit,
            "top": round(self.top, 6),
            "rules": [
                [self.axis.share(rule.start), self.axis.share(rule.end), rule.value] for rule in self.rules
            ],
            "curves": [{"name": curve.name, "values": curve.values} for curve in self.curves],
        }


def script_data(charts: Sequence[Chart]) -> dict[str, Any]:
    """All charts of a page, and their axes once each."""
    axes = {chart.axis.key: chart.axis for chart in charts}
    return {
        "axes": {
            key: {
                "low": axis.low,
                "high": axis.high,
                "at": [round(place, 4) for place in axis.at],
                "words": axis.words,
                "unit": axis.unit,
            }
            for key, axis in axes.items()
        },
        "charts": {chart.key: chart.to_plain() for chart in charts},
    }


def _without_repeats(rules: Sequence[Rule]) -> list[Rule]:
    """Without those that lie upon an equal one, such as a limit of the whole run and again of a stage."""
    found: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: rule.start - rule.end):  # the longest first
        is_told = any(
            (one.name, one.severity, one.value) == (rule.name, rule.severity, rule.value)
            and one.start <= rule.start
            and rule.end <= one.end
            for one in found
        )
        if not is_told:
            found.append(rule)
    return found


def _side_by_side(rules: Sequence[Rule], label: float) -> tuple[Rule, ...]:
    """Labels of lines too near to each other stand side by side, those that fail the run first."""
    taken: list[list[float]] = [[] for _ in range(_SLOTS)]
    placed: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (rule.severity != "fail", rule.value)):
        free = (
            n for n, values in enumerate(taken) if all(abs(rule.value - value) >= label for value in values)
        )
        slot = next(free, None)
        if slot is not None:
            taken[slot].append(rule.value)
        placed.append(replace(rule, slot=slot))
    return tuple(sorted(placed, key=lambda rule: rule.value))
