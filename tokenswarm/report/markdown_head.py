"""The part of report.md that is always open: what failed, by how much, when, and where to look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenswarm.report.clues import clue_of, stage_at
from tokenswarm.report.figures import lasted, rate, share, since_start, time_ms, whole
from tokenswarm.report.grouping import threshold_groups
from tokenswarm.report.markdown import code, table, text
from tokenswarm.report.marks import MARKS
from tokenswarm.report.summary import Spread, Summary, ThresholdRow

_LOUD: Final = ("fail", "inconclusive", "warn")
_MOST_LINES: Final = 12  # broken lines that are shown unfolded
_MOST_REASONS: Final = 6
_MOST_HINTS: Final = 2  # of one metric, unfolded; the rest stand under Thresholds
_MOST_HINTED: Final = 4
_SHORT: Final = 160


def head(summary: Summary) -> Iterator[str]:
    """Title, sentence, what speaks against the run beside its thresholds, and its chief figures."""
    about, verdict = summary.about, summary.verdict
    against = f" against {text(about.target, _SHORT)}" if about.target else ""
    yield f"# {MARKS[verdict.outcome]} {text(about.profile or about.source, _SHORT)}{against}"
    yield ""
    yield f"**{text(verdict.sentence, 900)}**"
    shown = {
        reason for row in _loud(summary) for reason in verdict.reasons if reason.startswith(_subject(row))
    }
    unsaid = [r for r in verdict.reasons if r not in verdict.sentence and r not in shown]
    if unsaid:
        yield ""
        yield from (f"- {text(reason)}" for reason in unsaid[:_MOST_REASONS])
        if len(unsaid) > _MOST_REASONS:
            yield f"- … and {len(unsaid) - _MOST_REASONS} more"
    if summary.breakpoint is not None:
        yield ""
        yield f"**{text(summary.breakpoint.sentence)}**"
    facts = (
        about.started_at,
        lasted(about.lasted_s) if about.lasted_s else "",
        f"scenario {about.scenario}" if about.scenario else "",
        f"model {about.model}" if about.model else "",
        "embedded mock, no real gateway" if about.is_embedded_mock else "",
        f"from {about.source_kind} {about.source}",
    )
    yield ""
    yield " · ".join(text(fact, _SHORT) for fact in facts if fact)


def what_failed(summary: Summary) -> Iterator[str]:
    """Each line that does not hold, the section of the report that shows why, and what to check first."""
    loud = _loud(summary)
    if not loud:
        return
    yield "## What failed, and where to look" if summary.verdict.exit_code else "## Close to a limit"
    yield ""
    rows = []
    for row in loud[:_MOST_LINES]:
        clue = clue_of(row.metric, summary)
        stage = stage_at(row.first_breach_s, summary)
        rows.append(
            (
                MARKS[row.status],
                code(row.line, _SHORT),
                f"**{text(row.value_text)}**",
                row.limit_text,
                f"{since_start(row.first_breach_s)}{', in ' * bool(stage)}{stage}",
                row.reason
                if row.status == "inconclusive"
                else f"{clue.section}{': ' * bool(clue.text)}{clue.text}",
            )
        )
    cut = ((*cells[:3], *(text(cell, 2 * _SHORT) for cell in cells[3:])) for cells in rows)
    heads = ("", "Line", "Was", "Limit", "First broken", "Look at")
    yield from table(heads, cut, "llrrll", is_escaped=range(6))
    if len(loud) > _MOST_LINES:
        yield ""
        yield f"… and {len(loud) - _MOST_LINES} more, under *Thresholds*."
    hinted = {row.metric: row.hints for row in loud if row.hints}
    if hinted:
        yield ""
        yield "Check first:"
        yield ""
        for metric, hints in list(hinted.items())[:_MOST_HINTED]:
            yield from (f"- {code(metric, _SHORT)}: {text(hint)}" for hint in hints[:_MOST_HINTS])


def doubts(summary: Summary) -> Iterator[str]:
    """What makes the figures doubtful; nothing for a run that can be trusted."""
    found = [check for check in summary.checks if check.state in ("bad", "warning")]
    if found:
        yield "## Doubts about the figures"
        yield ""
        yield from (f"- {MARKS[c.state]} {text(c.what, _SHORT)}: {text(c.text)}" for c in found[:_MOST_LINES])


def chief_figures(summary: Summary) -> Iterator[str]:
    """One line of what everybody asks for."""
    totals = {total.metric: total for total in summary.totals}
    cells = [
        (title, show(totals[metric].value))
        for metric, title, show in (
            ("requests", "Calls", whole),
            ("request_rate", "per second", rate),
            ("error_rate", "errors", share),
        )
        if metric in totals
    ]
    for metric, title in (("latency", "Latency"), ("ttft", "First token"), ("overhead", "Overhead")):
        spread = next((s for s in summary.spreads if s.group == "all" and s.metric == metric), None)
        if spread is not None:
            cells.append((f"{title} p50 · p95 · p99, ms", _percentiles(spread)))
    if cells:
        yield from table([title for title, _ in cells], [[cell for _, cell in cells]], "r" * len(cells))


def _percentiles(spread: Spread) -> str:
    return " · ".join(time_ms(value) for value in (spread.p50_ms, spread.p95_ms, spread.p99_ms))


def _loud(summary: Summary) -> list[ThresholdRow]:
    return [row for g in threshold_groups(summary.thresholds) if g.status in _LOUD for row in g.rows]


def _subject(row: ThresholdRow) -> str:
    """How the verdict's reasons begin that are about this row: the table says the same."""
    return row.line.partition(": ")[0]
