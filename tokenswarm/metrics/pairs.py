"""Pairs of runs, one of A and one of B each → how much worse B is, and whether that can be told.

The run is the unit, not the call: calls of one run share the machine's mood, so a thousand of them are no
thousand witnesses. Each pair gives one number, how much worse B was in it, and Student's t over the pairs
gives the interval. Worse is positive: a logarithm of a ratio for times and rates, a difference for shares.

    regressed      p, corrected after Holm for the number of figures, is below 5 %, and the mean is at least
                   the margin: B is worse, surely, and by more than is put up with, as far as can be told
    equivalent     the interval ends below the margin: worse by more than that is ruled out
    inconclusive   neither
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev
from typing import Final

from tokenswarm.metrics.student import quantile, two_sided

SIGNIFICANCE: Final = 0.05
CONFIDENCE: Final = 1 - SIGNIFICANCE
POWER: Final = 0.8  # with which the smallest detectable change would be found
FEWEST_PAIRS: Final = 2


class Finding(StrEnum):
    """What pairs say of one figure, or of all together."""

    REGRESSED = "regressed"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Question:
    """One figure in all pairs. `rounding` is the least spread that its figures have by being rounded."""

    worse: tuple[float, ...]  # by pair: how much worse B was
    margin: float  # in the same unit, above 0
    rounding: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """All in the question's unit, worse being positive; None where the pairs are too few to tell."""

    finding: Finding
    mean: float | None
    low: float | None  # of the 95 % interval
    high: float | None
    p: float | None  # corrected for the number of figures
    detectable: float | None  # the least worsening that so many pairs of such spread would call regressed
    pairs: int

    @property
    def is_improved(self) -> bool:
        """Better for sure."""
        return self.high is not None and self.high < 0 and self.p is not None and self.p < SIGNIFICANCE


@dataclass(frozen=True, slots=True)
class _Spread:
    mean: float
    error: float  # standard error of the mean
    freedom: int

    @property
    def p(self) -> float:
        if self.error:
            return two_sided(self.mean / self.error, self.freedom)
        return 0.0 if self.mean else 1.0


def answer_all(questions: Mapping[str, Question]) -> dict[str, Answer]:
    """An answer to each, knowing that so many were asked."""
    spreads = {
        name: _spread(question) for name, question in questions.items() if len(question.worse) >= FEWEST_PAIRS
    }
    corrected = holm({name: spread.p for name, spread in spreads.items()})
    return {
        name: _answer(question, spreads[name], corrected[name], len(spreads))
        if name in spreads
        else Answer(Finding.INCONCLUSIVE, None, None, None, None, None, len(question.worse))
        for name, question in questions.items()
    }


def overall(findings: Sequence[Finding]) -> Finding:
    """The gravest; equivalent only if all are, and inconclusive if there are none."""
    for grave in (Finding.REGRESSED, Finding.INCONCLUSIVE):
        if grave in findings:
            return grave
    return Finding.EQUIVALENT if findings else Finding.INCONCLUSIVE


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Corrected p-values: with these, 5 % is the risk of any false alarm at all (Holm 1979)."""
    corrected: dict[str, float] = {}
    highest = 0.0
    ranked = sorted(p_values, key=lambda name: p_values[name])
    for rank, name in enumerate(ranked):
        highest = max(highest, min(1.0, p_values[name] * (len(ranked) - rank)))
        corrected[name] = highest
    return corrected


def _spread(question: Question) -> _Spread:
    worse = question.worse
    # Equal figures of rounded numbers are no proof that nothing varies.
    deviation = max(stdev(worse), question.rounding)
    return _Spread(fmean(worse), deviation / math.sqrt(len(worse)), len(worse) - 1)


def _answer(question: Question, spread: _Spread, p: float, figures: int) -> Answer:
    reach = quantile((1 + CONFIDENCE) / 2, spread.freedom) * spread.error
    low, high = spread.mean - reach, spread.mean + reach
    finding = Finding.INCONCLUSIVE
    if high < question.margin:
        finding = Finding.EQUIVALENT
    elif spread.mean >= question.margin and p < SIGNIFICANCE:
        finding = Finding.REGRESSED
    detectable = _detectable(spread, question.margin, figures)
    return Answer(finding, spread.mean, low, high, p, detectable, len(question.worse))


def _detectable(spread: _Spread, margin: float, figures: int) -> float:
    """Both hurdles are cleared with the wanted power; Holm is taken at its strictest step."""
    strictest = quantile(1 - SIGNIFICANCE / 2 / figures, spread.freedom)
    to_clear = quantile(POWER, spread.freedom) * spread.error
    return max(strictest * spread.error, margin) + to_clear
