"""The part of report.md that is always open: what failed, by how much, when, and where to look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tokenswarm.report.figures import lasted, moment, rate, share, time_ms, whole
from tokenswarm.report.leads import leads_of, loud_rows, other_reasons, since_when
from tokenswarm.report.markdown import code, table, text
from tokenswarm.report.marks import MARKS
from tokenswarm.report.summary import Spread, Summary, ThresholdRow
from tokenswarm.report.verdict import Outcome

# So few that all of it fits one screen; the rest stands in what is folded.
_MOST_LINES: Final = 6
_MOST_LEADS: Final = 4
_MOST_NAMED: Final = 4
_MOST_DOUBTS: Final = 6
_MOST_REASONS: Final = 6
_WHY_INVALID: Final = "Why the figures can't be trusted, and what to do"
_SHORT: Final = 160


def head(summary: Summary) -> Iterator[str]:
    """Title, sentence, what speaks against the run beside its thresholds, and its chief figures."""
    about, verdict = summary.about, summary.verdict
    against = f" against {text(about.target, _SHORT)}" if about.target else ""
    yield f"# {MARKS[verdict.outcome]} {text(about.profile or about.source, _SHORT)}{against}"
    yield ""
    yield f"**{text(verdict.sentence, 900)}**"
    unsaid = other_reasons(summary)
    if unsaid:
        yield ""
        yield from (f"- {text(reason)}" for reason in unsaid[:_MOST_REASONS])
        if len(unsaid) > _MOST_REASONS:
            yield f"- … and {len(unsaid) - _MOST_REASONS} more"
    if summary.carries:
        yield ""
        yield f"**{text(summary.carries)}**"
    facts = (
        moment(about.started_at),
        lasted(about.lasted_s) if about.lasted_s else "",
        f"scenario {about.scenario}" if about.scenario else "",
        f"model {about.model}" if about.model else "",
        "embedded mock, no real gateway" if about.is_embedded_mock else "",
        f"a trial, time scale {about.time_scale:g}" if about.time_scale != 1 else "",
        f"from {about.source_kind} {about.source}",
    )
    yield ""
    yield " · ".join(text(fact, _SHORT) for fact in facts if fact)


def what_failed(summary: Summary) -> Iterator[str]:
    """Each line that does not hold: its value, its limit, and since when."""
    loud = loud_rows(summary)
    if not loud:
        return
    yield f"## {_heading(summary, loud)}"
    yield ""
    rows = [
        (
            MARKS[row.status],
            code(row.line, _SHORT),
            f"**{text(row.value_text)}**",
            text(row.limit_text, 2 * _SHORT),
            text(since_when(row.first_breach_s, summary), 2 * _SHORT),
        )
        for row in loud[:_MOST_LINES]
    ]
    yield from table(("", "Line", "Was", "Limit", "First broken"), rows, "llrrl", is_escaped=range(5))
    if len(loud) > _MOST_LINES:
        yield ""
        yield f"… and {len(loud) - _MOST_LINES} more, under *Thresholds*."


def _heading(summary: Summary, loud: Sequence[ThresholdRow]) -> str:
    if not summary.verdict.exit_code:
        return "Beyond a warning limit"
    return "What failed" if any(row.status == "fail" for row in loud) else "What can't be judged"


def where_to_look(summary: Summary) -> Iterator[str]:
    """Behind each line: the section of report.html that shows why, and what to check first."""
    leads = leads_of(summary)
    if not leads:
        return
    yield "## Where to look"
    yield ""
    for lead in leads[:_MOST_LEADS]:
        unnamed = len(lead.subjects) - _MOST_NAMED
        more = f" and {unnamed} more" if unnamed > 0 else ""
        names = ", ".join(code(subject, _SHORT) for subject in lead.subjects[:_MOST_NAMED])
        told = f": {text(lead.clue.text, 2 * _SHORT)}" if lead.clue.text else ""
        yield f"- {names}{more} → *{lead.clue.section}*{told}"
        yield from (f"  - {text(step)}" for step in lead.steps)
    if len(leads) > _MOST_LEADS:
        yield f"- … and {len(leads) - _MOST_LEADS} more, under *Thresholds*"


def doubts(summary: Summary) -> Iterator[str]:
    """What makes the figures doubtful; nothing for a run that can be trusted."""
    found = [check for check in summary.checks if check.state in ("bad", "warning")]
    if found:
        yield f"## {_WHY_INVALID if is_invalid(summary) else 'Doubts about the figures'}"
        yield ""
        yield from (
            f"- {MARKS[c.state]} {text(c.what, _SHORT)}: {text(c.text)}" for c in found[:_MOST_DOUBTS]
        )
        if len(found) > _MOST_DOUBTS:
            yield f"- … and {len(found) - _MOST_DOUBTS} more, under *Can this run be trusted?*"


def is_invalid(summary: Summary) -> bool:
    """Whether the figures must not be believed, so that why comes before them."""
    return summary.verdict.outcome == Outcome.INVALID


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
