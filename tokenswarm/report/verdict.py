"""Thresholds and how the run went → one verdict, one exit code, one sentence.

The first of these that is true decides:

    interrupted   105   someone or something stopped the run before its end
    invalid       111   what was measured is not the whole, or not the planned load: a worker was lost,
                        counts disagree, the generator was too slow …
    fail           99   no call succeeded (unless only refusals are expected), a threshold is broken, or
                        one aborted the run
    inconclusive  111   a threshold can't be judged
    pass            0   everything holds; warnings included
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tokenswarm.errors import ExitCode
from tokenswarm.metrics.thresholds import Status, ThresholdResult
from tokenswarm.report.figures import judged_limit, judged_value, whole

_ALL_HOLD: Final = {1: "the one threshold holds", 2: "both thresholds hold"}
_NAMED_AT_MOST: Final = 3  # lines that the sentence spells out


class Outcome(StrEnum):
    """What became of the run."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    INTERRUPTED = "interrupted"


_EXIT_CODES: Final = {
    Outcome.PASS: ExitCode.PASS,
    Outcome.FAIL: ExitCode.THRESHOLD_FAILED,
    Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Outcome.INVALID: ExitCode.INCONCLUSIVE,
    Outcome.INTERRUPTED: ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class CallTally:
    """Calls of the judged stages."""

    succeeded: int
    failed: int
    commonest_failure: str = ""
    expected: int = 0  # refused, with a status that the profile counts as right
    wants_answers: bool = True  # False: the profile expects refusals only, so none may be answered


@dataclass(frozen=True, slots=True)
class Ending:
    """How the measuring itself went; every text is a clause for people."""

    interrupted: str = ""
    aborted: str = ""
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the process ends with. `reasons` are all that speak against the run, the gravest first."""

    outcome: Outcome
    exit_code: int
    sentence: str
    reasons: tuple[str, ...]
    warnings: int


def decide(results: Sequence[ThresholdResult], calls: CallTally, ending: Ending) -> Verdict:
    """The verdict; a run is judged as far as it went, whatever ended it."""
    judged = _judged(results, calls, ending)
    outcome, why = judged.outcome, judged.why
    if ending.invalid:
        outcome = Outcome.INVALID
        more = f" (and {len(ending.invalid) - 1} more)" if len(ending.invalid) > 1 else ""
        why = f"{ending.invalid[0]}{more}"
    if ending.interrupted:
        outcome, why = Outcome.INTERRUPTED, ending.interrupted
    exit_code = int(_EXIT_CODES[outcome])
    sentence = f"{outcome.upper()}: {why} (exit {exit_code})."
    if outcome in (Outcome.INVALID, Outcome.INTERRUPTED):
        sentence += f" As far as it was measured: {judged.why}."
    own = tuple(reason for reason in (ending.interrupted, *ending.invalid) if reason)
    return Verdict(outcome, exit_code, sentence, own + judged.reasons, judged.warnings)


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    why: str
    reasons: tuple[str, ...]
    warnings: int


def _judged(results: Sequence[ThresholdResult], calls: CallTally, ending: Ending) -> _Judged:
    """The verdict on the figures alone."""
    by_status = {status: [r for r in results if r.status is status] for status in Status}
    broken, unknown, warned = (by_status[s] for s in (Status.FAIL, Status.INCONCLUSIVE, Status.WARN))
    warnings = tuple(_breach(result) for result in warned)
    breaches = tuple(_breach(result) for result in broken)
    riddles = tuple(_riddle(result) for result in unknown)
    reasons = breaches + riddles + warnings
    counted = len(results) - len(by_status[Status.NOT_MEASURED])
    if not calls.succeeded and (calls.wants_answers or not calls.expected):
        why = _no_success(calls)
        return _Judged(Outcome.FAIL, why, (why, *reasons), len(warned))
    if broken:
        aborted = f"; the run was aborted: {ending.aborted}" if ending.aborted else ""
        why = f"{_of(len(broken), counted)} broken: {_listed(breaches)}{aborted}"
        return _Judged(Outcome.FAIL, why, reasons, len(warned))
    if ending.aborted:
        why = f"the run was aborted: {ending.aborted}"
        return _Judged(Outcome.FAIL, why, (why, *reasons), len(warned))
    if unknown:
        which = "the one threshold" if counted == 1 else f"{len(unknown)} of {counted} thresholds"
        why = f"{which} can't be judged: {_listed(riddles)}"
        return _Judged(Outcome.INCONCLUSIVE, why, reasons, len(warned))
    if not counted:
        said = "no threshold was given" if not results else "none of the thresholds' metrics was measured"
        why = f"{_made(calls)}; nothing was judged: {said}"
        return _Judged(Outcome.PASS, why, (), 0)
    if warned:
        band = f"{_of(len(warned), counted)} in the warning band"
        why = f"no threshold is broken, but {band}: {_listed(warnings)}"
        return _Judged(Outcome.PASS, why, reasons, len(warned))
    holds = _ALL_HOLD.get(counted, f"all {counted} thresholds hold")
    return _Judged(Outcome.PASS, holds, (), 0)


def _no_success(calls: CallTally) -> str:
    ended = calls.failed + calls.expected
    if not ended:
        return "no call ended in a judged stage, so nothing can pass"
    if not calls.failed:
        return f"none of {_calls(ended)} was answered: all were refused, as the profile expects of some"
    refused = f"; {whole(calls.expected)} were refused as expected" if calls.expected else ""
    return f"none of {_calls(ended)} succeeded; most failed with {calls.commonest_failure}{refused}"


def _made(calls: CallTally) -> str:
    made = f"{_calls(calls.succeeded)} succeeded and {whole(calls.failed)} failed"
    return f"{made}, {whole(calls.expected)} were refused as expected" if calls.expected else made


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{whole(count)} calls"


def _of(part: int, counted: int) -> str:
    if counted == 1:
        return "the one threshold is"
    return f"{part} of {counted} thresholds {'is' if part == 1 else 'are'}"


def _listed(clauses: Sequence[str]) -> str:
    named = "; ".join(clauses[:_NAMED_AT_MOST])
    more = len(clauses) - _NAMED_AT_MOST
    return f"{named}; and {more} more" if more > 0 else named


def _subject(result: ThresholdResult) -> str:
    """`ttft{stage:hold} p(95)`, or `error_rate` where the figure is the metric's own."""
    threshold = result.threshold
    stated = threshold.levels[0].expression.aggregation
    return str(threshold.subject) if stated is None else f"{threshold.subject} {stated}"


def _breach(result: ThresholdResult) -> str:
    window = result.threshold.levels[0].expression.window
    during = f" {window}" if window is not None else ""
    return f"{_subject(result)} is {judged_value(result)}, limit {judged_limit(result)}{during}"


def _riddle(result: ThresholdResult) -> str:
    return f"{_subject(result)}: {result.reason or 'no data'}"
