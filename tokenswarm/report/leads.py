"""Lines that don't hold, put together by what is behind them: since when, where to look, what to check."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.clues import Clue, clue_of, error_behind
from tokenswarm.report.figures import since_start
from tokenswarm.report.grouping import threshold_groups
from tokenswarm.report.next_steps import MEND_FIRST, MONITORED, MORE_USERS, STEPS, UNMEASURED
from tokenswarm.report.summary import Summary, ThresholdRow

_LOUD: Final = ("fail", "inconclusive", "warn")
_MOST_STEPS: Final = 3
# A breach that comes later than this after something was done to the target is hardly its doing.
_EFFECT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Lead:
    """Lines that one clue explains, the gravest first, and what to check, most telling first."""

    rows: tuple[ThresholdRow, ...]
    clue: Clue
    steps: tuple[str, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """What the lines are about, each once: `error_rate{stage:hold}`."""
        return tuple(dict.fromkeys(row.line.partition(": ")[0] for row in self.rows))

    @property
    def is_broken(self) -> bool:
        """Whether one of them fails the run."""
        return any(row.status == "fail" for row in self.rows)

    @property
    def first_breach_s(self) -> float | None:
        """When the first of them broke; None if that isn't known of any."""
        return min((row.first_breach_s for row in self.rows if row.first_breach_s is not None), default=None)


def loud_rows(summary: Summary) -> list[ThresholdRow]:
    """Lines that are broken, can't be judged, or warn; the gravest first."""
    return [row for g in threshold_groups(summary.thresholds) if g.status in _LOUD for row in g.rows]


def other_reasons(summary: Summary) -> list[str]:
    """What speaks against the run and neither the verdict's sentence, nor a check, nor a line's row says."""
    said = [check.text for check in summary.checks]
    subjects = tuple(row.line.partition(": ")[0] for row in loud_rows(summary))
    reasons = (reason for reason in summary.verdict.reasons if reason not in summary.verdict.sentence)
    return [reason for reason in reasons if reason not in said and not reason.startswith(subjects)]


def leads_of(summary: Summary) -> list[Lead]:
    """A lead for each clue, in the order of the gravest line of each."""
    found: dict[Clue, list[ThresholdRow]] = {}
    for row in loud_rows(summary):
        found.setdefault(clue_of(row, summary), []).append(row)
    leads: list[Lead] = []
    for clue, rows in found.items():
        said = {step for lead in leads for step in lead.steps}
        leads.append(Lead(tuple(rows), clue, tuple(_few(_steps(rows, clue, summary), said))))
    return leads


def steps_of(row: ThresholdRow, summary: Summary) -> tuple[str, ...]:
    """What to check first about one line."""
    return tuple(_few(_steps([row], clue_of(row, summary), summary)))


def _few(steps: Iterable[str], said: Collection[str] = ()) -> Iterator[str]:
    return itertools.islice((step for step in dict.fromkeys(steps) if step not in said), _MOST_STEPS)


def _steps(rows: Sequence[ThresholdRow], clue: Clue, summary: Summary) -> Iterator[str]:
    """What the failures themselves say to check; then one hint of each line, before the second of any."""
    if clue.anchor == "trust" and summary.verdict.outcome == "invalid":
        yield MEND_FIRST  # hints are about the target
        return
    for row in rows:
        if clue.anchor == "stages" and not any(stage.offered_rate for stage in summary.stages):
            yield MORE_USERS
        error = error_behind(row, summary) if clue.anchor == "errors" else None
        if error is not None and error.outcome in STEPS:
            yield STEPS[error.outcome]
        if row.metric in MONITORED and not row.hints:
            yield MONITORED[row.metric]
        if row.status == "inconclusive" and clue.anchor != "errors":
            yield from (step for words, step in UNMEASURED.items() if words in row.line.partition(": ")[0])
    for nth in range(max(len(row.hints) for row in rows)):
        yield from (hint for row in rows for hint in row.hints[nth : nth + 1])


def since_when(at_s: float | None, summary: Summary) -> str:
    """When a line first broke, in which stage, and how long after something was done to the target."""
    if at_s is None:
        return since_start(None)
    # A line over the whole run may break at its very end, which belongs to the last stage.
    stage = next((s.name for s in reversed(summary.stages) if s.start_s <= at_s <= s.end_s), "")
    before = [action for action in summary.actions if 0 <= at_s - action.at_s <= _EFFECT_S]
    after = f", {since_start(at_s - before[-1].at_s)} after {before[-1].name}" if before else ""
    return f"{since_start(at_s)}{', in ' * bool(stage)}{stage}{after}"
