"""The summary for a terminal: the figures, then what a person looks at next, and last the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tokenswarm.report.leads import Lead, leads_of, since_when
from tokenswarm.report.summary import Summary
from tokenswarm.report.terminal import STYLES, drawn, printable
from tokenswarm.report.text_sections import SECTIONS
from tokenswarm.report.verdict import Outcome

# So few that the verdict's reasons are still on the screen; all lines stand in the table.
_MOST_LEADS: Final = 4
_MOST_NAMED: Final = 4
_LONGEST_CLUE: Final = 240
_SAID_HERE: Final = ("thresholds", "trust")  # sections whose words stand in this text, too


def render(summary: Summary, *, width: int | None = None, is_terminal: bool = False) -> str:
    """The whole text; colours and the terminal's width only for a terminal."""
    return drawn(_parts(summary), width=width, is_terminal=is_terminal)


def _parts(summary: Summary) -> Iterator[RenderableType]:
    is_invalid = summary.verdict.outcome == Outcome.INVALID
    # What matters most stands nearest to the verdict: of figures that can't be trusted, why not.
    ends = (_where_to_look, _doubts) if is_invalid else (_doubts, _where_to_look)
    for section in (*SECTIONS, _remarks, *ends):
        for part in section(summary):
            yield part
            yield ""
    verdict = summary.verdict
    style = "yellow" if verdict.warnings and verdict.outcome == "pass" else STYLES[verdict.outcome]
    yield Text(verdict.sentence, style=f"bold {style}")


def _remarks(summary: Summary) -> Iterator[RenderableType]:
    """What ended the run early, and how much load the target carries."""
    yield from (Text(check.text) for check in summary.checks if check.what == "aborted")
    if summary.carries:
        yield Text(summary.carries)


def _doubts(summary: Summary) -> Iterator[RenderableType]:
    doubts = [check for check in summary.checks if check.state in ("bad", "warning")]
    if doubts:
        marks = {"bad": "!!", "warning": " !"}
        yield Group(*(Text(f"{marks[c.state]} {c.text}", style=STYLES[c.state]) for c in doubts))


def _where_to_look(summary: Summary) -> Iterator[RenderableType]:
    """The same leads as in report.html and report.md, each with what to check first of all."""
    leads = [lead for lead in leads_of(summary) if lead.steps or lead.clue.anchor not in _SAID_HERE]
    if not leads:
        return
    told = [part for lead in leads[:_MOST_LEADS] for part in _lead(lead, summary)]
    if len(leads) > _MOST_LEADS:
        told.append(Text(f"  … and {len(leads) - _MOST_LEADS} more"))
    yield Group(Text("Where to look, in report.html", style="bold"), *told)


def _lead(lead: Lead, summary: Summary) -> Iterator[RenderableType]:
    names = ", ".join(lead.subjects[:_MOST_NAMED])
    unnamed = len(lead.subjects) - _MOST_NAMED
    more = f" and {unnamed} more" if unnamed > 0 else ""
    since = "" if lead.first_breach_s is None else f", since {since_when(lead.first_breach_s, summary)}"
    clue = "" if lead.clue.anchor in _SAID_HERE else printable(lead.clue.text)
    if len(clue) > _LONGEST_CLUE:
        clue = f"{clue[: _LONGEST_CLUE - 1]}…"
    seen = f"{lead.clue.section}{': ' * bool(clue)}{clue}"
    yield Padding(Text(f"{names}{more}{since} → {seen}"), (0, 0, 0, 2))
    for step in lead.steps[:1]:
        yield Padding(Text(f"Check first: {step}"), (0, 0, 0, 4))
