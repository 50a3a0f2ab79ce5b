"""A comparison as Markdown: a comment of its own, and a section of report.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tokenswarm.report.compare import chief_rows
from tokenswarm.report.comparison import ComparedRow, Comparison
from tokenswarm.report.figure_key import ALL
from tokenswarm.report.markdown import code, folded, table, text

MARKS: Final = {
    "regressed": "❌",
    "holds": "✅",
    "no regression": "✅",
    "unknown": "❔",
    "indicative": "⚠️",
    "inconclusive": "❔",
    "": "",
}


def render(comparison: Comparison) -> str:
    """The whole comment, every figure in it."""
    lines = [f"# {MARKS[comparison.outcome]} {text(comparison.current)} against {text(comparison.base)}", ""]
    lines += section(comparison)
    totals = [row for row in comparison.totals if not row.state]
    times = [row for row in comparison.times if row.group == ALL and not row.state]
    groups = [row for row in comparison.times if row.group != ALL]
    for title, rows in (("Totals", totals), ("Times of all calls", times), ("Times by group", groups)):
        if rows:
            lines += ["", *folded(f"{title}: {len(rows)} figures", [*_table(rows)])]
    return "\n".join(lines) + "\n"


def section(comparison: Comparison) -> Iterator[str]:
    """The sentence, what differs, and the figures that have a limit."""
    yield f"**{text(comparison.sentence)}**"
    if comparison.differences:
        yield ""
        yield "The runs are not alike, so take the changes as an indication:"
        yield ""
        yield from (f"- {text(difference.sentence)}" for difference in comparison.differences)
    if comparison.judged:
        yield ""
        yield from _table(comparison.judged)
    if comparison.notes:
        yield ""
        yield from (f"- {text(note)}" for note in comparison.notes)


def report_section(comparison: Comparison) -> Iterator[str]:
    """The same for a report, with what else a person looks at."""
    yield f"Against {text(comparison.base)}."
    yield ""
    yield from section(comparison)
    yield ""
    yield from _table(chief_rows(comparison))


def _table(rows: Sequence[ComparedRow]) -> Iterator[str]:
    cells = [
        (
            f"{MARKS[row.state]} {row.state}".strip(),
            code(row.key) + (f" {text(row.reason)}" if row.reason else ""),
            row.base_text,
            row.current_text,
            row.change_text,
            row.limit_text,
        )
        for row in rows
    ]
    yield from table(("", "Figure", "Base", "Current", "Change", "Limit"), cells, "llrrrr", is_escaped=(1,))
