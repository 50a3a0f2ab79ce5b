"""The model of an A/B comparison, which ab.html, ab.md, ab.json and the terminal show.

Changes are signed so that worse is positive, whichever way the figure goes. They are logarithms of ratios
for times and rates, and differences for shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from tokenswarm.metrics.pairs import Answer
from tokenswarm.report.figure_key import FigureKey
from tokenswarm.report.figures import NOTHING, milliseconds, rate, share
from tokenswarm.report.percent import percent, points, signed_percent, signed_points

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Side:
    """What A or B stands for."""

    name: str  # as given: a target's name or a URL; empty for the embedded mock
    url: str

    @property
    def shown(self) -> str:
        """For people."""
        return self.name or "the embedded mock"


def shown(key: FigureKey, value: float) -> str:
    """A figure with its unit."""
    return (share if key.is_share else milliseconds if key.is_time else rate)(value)


@dataclass(frozen=True, slots=True)
class Leg:
    """One run of a pair; `outcome` is its own verdict, empty if it could not be judged."""

    pair: int  # from 1
    side: str  # a or b
    folder: str  # its name, beside this page
    outcome: str
    figures: Mapping[str, float]
    trouble: str = ""  # why its pair doesn't count


@dataclass(frozen=True, slots=True)
class AbRow:
    """One figure: the mean of A's and of B's runs, geometric but for shares, and how much worse B was."""

    key: FigureKey
    margin: float  # as its author wrote it: a share of A, or points
    a_text: str
    b_text: str
    worse: tuple[float, ...]  # by pair
    answer: Answer
    note: str = ""

    def text_of(self, value: float | None) -> str:
        """One run's figure with its unit; a dash if it has none."""
        return NOTHING if value is None else shown(self.key, value)

    @property
    def is_ratio(self) -> bool:
        """Whether changes are logarithms of ratios."""
        return not self.key.is_share

    def change_text(self, worse: float | None) -> str:
        """The change of B against A in the figure's own direction: +14.8%, −0.4 points."""
        if worse is None:
            return "–"
        change = worse * self.key.worse
        return signed_percent(math.expm1(change)) if self.is_ratio else signed_points(change)

    @property
    def interval_text(self) -> str:
        """Both ends, the lower first."""
        answer = self.answer
        if answer.low is None or answer.high is None:
            return "–"
        ends = sorted((answer.low, answer.high), key=lambda end: end * self.key.worse)
        first, last = (self.change_text(end) for end in ends)
        return f"{first.removesuffix(' points')} to {last}"

    @property
    def detectable_text(self) -> str:
        """The least worsening that would be found."""
        return self.change_text(self.answer.detectable)

    @property
    def margin_text(self) -> str:
        """The margin with its unit."""
        return percent(self.margin) if self.is_ratio else points(self.margin)

    @property
    def p_text(self) -> str:
        """The corrected p-value."""
        p = self.answer.p
        if p is None:
            return "–"
        return "<0.001" if p < 0.001 else f"{p:.3f}"

    @property
    def word(self) -> str:
        """The finding, or improved: B is no worse, and better for sure."""
        return "improved" if self.answer.is_improved else self.answer.finding.value


@dataclass(frozen=True, slots=True)
class AbResult:
    """All of it. `outcome` is that of all figures together, or interrupted."""

    outcome: str
    exit_code: int
    sentence: str
    notes: tuple[str, ...]
    profile: str
    a: Side
    b: Side
    orders: tuple[str, ...]  # of the pairs that were planned: ab or ba
    pairs: int  # that count
    rows: tuple[AbRow, ...]
    legs: tuple[Leg, ...]
    tool: str
    started_at: str
    seed: int
    time_scale: float
    command: str
    environment: Mapping[str, Any]
    schema: int = SCHEMA

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON types, `schema` first; a row's key as text."""
        plain = asdict(self)
        for row, mine in zip(plain["rows"], self.rows, strict=True):
            row.update(key=str(mine.key), word=mine.word, is_ratio=mine.is_ratio)
        return {"schema": plain.pop("schema"), **plain}
