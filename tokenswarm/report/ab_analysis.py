"""The runs of an A/B comparison → what they say together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Final

from tokenswarm.errors import ExitCode, RunFolderError
from tokenswarm.metrics.pairs import Answer, Finding, Question, answer_all, overall
from tokenswarm.report.ab import AbResult, AbRow, Leg, shown
from tokenswarm.report.ab_plan import AbPlan
from tokenswarm.report.figure_key import FEWEST_CALLS, FigureKey
from tokenswarm.report.figures import NOTHING
from tokenswarm.report.recorded import Recorded, read_recorded

INTERRUPTED: Final = "interrupted"
# Two percentiles, each known to within a bucket of 1 % of its value, as a logarithm: 1 % ÷ √12 × √2.
_ROUNDING: Final = 0.004
_CODES: Final = {
    Finding.REGRESSED: ExitCode.THRESHOLD_FAILED,
    Finding.EQUIVALENT: ExitCode.PASS,
    Finding.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}
# Verdicts of a single run that say that its figures are not what was to be measured.
_UNTRUSTED: Final = frozenset({"invalid", "interrupted"})


def analyse(folder: Path) -> AbResult:
    """From plan.json and the runs beside it; RunFolderError if there is no plan that can be read."""
    plan = AbPlan.read(folder)
    legs = [_leg(folder, leg["pair"], leg["side"], leg["folder"]) for leg in plan.legs]
    return result_of(plan, legs)


def result_of(plan: AbPlan, legs: Sequence[Leg]) -> AbResult:
    """What these runs say; pairs that are not whole, or not to be trusted, don't count."""
    pairs = _whole_pairs(legs)
    rows = _rows(plan, pairs)
    outcome, code, sentence = _verdict(plan, rows, len(pairs))
    return AbResult(
        outcome=outcome,
        exit_code=int(code),
        sentence=f"{outcome.upper()}: {sentence} (exit {int(code)}).",
        notes=tuple(_notes(legs, rows)),
        profile=plan.profile,
        a=plan.a,
        b=plan.b,
        orders=plan.orders,
        pairs=len(pairs),
        rows=rows,
        legs=tuple(legs),
        tool=plan.tool,
        started_at=plan.started_at,
        seed=plan.seed,
        time_scale=plan.time_scale,
        command=plan.command,
        environment=plan.environment,
    )


def _leg(folder: Path, pair: int, side: str, name: str) -> Leg:
    try:
        recorded = read_recorded(folder / name)
    except RunFolderError as error:
        return Leg(pair, side, name, "", {}, str(error))
    return leg_of(recorded, pair, side, name)


def leg_of(recorded: Recorded, pair: int, side: str, name: str) -> Leg:
    """One run of a pair; a percentile of too few calls is left out."""
    figures = {
        str(key): figure.value
        for key, figure in recorded.figures.items()
        if not key.name and figure.samples >= FEWEST_CALLS.get(key.figure, 1)
    }
    trouble = recorded.sentence if recorded.outcome in _UNTRUSTED else ""
    return Leg(pair, side, name, recorded.outcome, figures, trouble)


def _whole_pairs(legs: Sequence[Leg]) -> list[Mapping[str, Leg]]:
    pairs: dict[int, dict[str, Leg]] = {}
    for leg in legs:
        if not leg.trouble:
            pairs.setdefault(leg.pair, {})[leg.side] = leg
    return [pair for _, pair in sorted(pairs.items()) if len(pair) == len("ab")]


def _rows(plan: AbPlan, pairs: Sequence[Mapping[str, Leg]]) -> tuple[AbRow, ...]:
    keys = [FigureKey.parse(text) for text in plan.figures]
    measured = {
        key: [
            (pair["a"].figures[name], pair["b"].figures[name])
            for pair in pairs
            if name in pair["a"].figures and name in pair["b"].figures
        ]
        for key in keys
        for name in (str(key),)
    }
    if not plan.is_own_choice:
        # Of what is compared by default, only what there is: a profile may have no streams.
        anywhere = {name for pair in pairs for leg in pair.values() for name in leg.figures}
        measured = {key: found for key, found in measured.items() if str(key) in anywhere or not pairs}
    margins = plan.figures
    questions = {
        str(key): Question(
            tuple(worse for a, b in found for worse in _worse(key, a, b)),
            margins[str(key)] if key.is_share else math.log1p(margins[str(key)]),
            _ROUNDING if key.is_time else 0.0,
        )
        for key, found in measured.items()
    }
    answers = answer_all(questions)
    return tuple(
        _row(key, margins[str(key)], found, questions[str(key)], answers[str(key)])
        for key, found in measured.items()
    )


def _worse(key: FigureKey, a: float, b: float) -> list[float]:
    """How much worse B was; nothing where a ratio has no logarithm."""
    if key.is_share:
        return [(b - a) * key.worse]
    return [math.log(b / a) * key.worse] if a > 0 and b > 0 else []


def _row(
    key: FigureKey, margin: float, found: Sequence[tuple[float, float]], question: Question, answer: Answer
) -> AbRow:
    if not key.is_share:  # others have no logarithm, and stand in no change
        found = [(a, b) for a, b in found if a > 0 and b > 0]
    # What the change is the ratio, or the difference, of: whoever divides B by A must come to it.
    mean = fmean if key.is_share else geometric_mean
    a_text, b_text = (
        shown(key, mean([pair[side] for pair in found])) if found else NOTHING for side in (0, 1)
    )
    note = ""
    if answer.mean is None:
        note = f"measured in {answer.pairs} whole pairs; two are the fewest"
    return AbRow(key, margin, a_text, b_text, question.worse, answer, note)


def _verdict(plan: AbPlan, rows: Sequence[AbRow], pairs: int) -> tuple[str, ExitCode, str]:
    finding = overall([row.answer.finding for row in rows])
    said = _SENTENCES[finding](rows, pairs)
    if plan.state != "finished":
        reason = plan.stopped or "it was killed, or is still going"
        so_far = f"as far as it was measured, {finding}: {said}" if pairs else "no pair was measured whole"
        return INTERRUPTED, ExitCode.INTERRUPTED, f"{reason}; {so_far}"
    return finding.value, _CODES[finding], said


def _regressed(rows: Sequence[AbRow], pairs: int) -> str:
    del pairs
    bad = [row for row in rows if row.answer.finding is Finding.REGRESSED]
    return "; ".join(
        f"{row.key} changed by {row.change_text(row.answer.mean)} (95% interval {row.interval_text})"
        for row in bad
    )


def _equivalent(rows: Sequence[AbRow], pairs: int) -> str:
    better = [row for row in rows if row.answer.is_improved]
    gains = "".join(f"; {row.key} improved by {row.change_text(row.answer.mean)}" for row in better)
    which = "the figure is" if len(rows) == 1 else f"none of {len(rows)} figures is"
    word = "no worse" if len(rows) == 1 else "worse"
    return f"{which} {word} by its margin or more, in {pairs} pairs{gains}"


def _inconclusive(rows: Sequence[AbRow], pairs: int) -> str:
    if not rows or pairs < 2:
        return f"{pairs} of the pairs count, and two are the fewest that say anything"
    open_ones = [row for row in rows if row.answer.finding is Finding.INCONCLUSIVE]
    parts = [
        f"{row.key} changed by {row.interval_text}, margin {row.margin_text}"
        if row.answer.mean is not None
        else f"{row.key}: {row.note}"
        for row in open_ones
    ]
    return f"{pairs} pairs can't tell: {'; '.join(parts)}"


_SENTENCES: Final = {
    Finding.REGRESSED: _regressed,
    Finding.EQUIVALENT: _equivalent,
    Finding.INCONCLUSIVE: _inconclusive,
}


def _notes(legs: Sequence[Leg], rows: Sequence[AbRow]) -> list[str]:
    notes = [
        f"Pair {leg.pair} doesn't count, because of {leg.folder}: {leg.trouble}"
        for leg in legs
        if leg.trouble
    ]
    needed = max((_pairs_needed(row) for row in rows), default=0)
    if overall([row.answer.finding for row in rows]) is Finding.INCONCLUSIVE and needed:
        notes.append(
            f"With this spread about {needed} pairs would tell equal from worse by the margin; longer runs"
            " spread less."
        )
    return notes


def _pairs_needed(row: AbRow) -> int:
    """So many that the interval is narrower than the margin, if B is as good as A."""
    answer = row.answer
    if answer.high is None or answer.mean is None:
        return 0
    margin = math.log1p(row.margin) if row.is_ratio else row.margin
    return math.ceil(answer.pairs * ((answer.high - answer.mean) / margin) ** 2)
