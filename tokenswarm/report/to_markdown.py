"""The summary as Markdown, for a pull request's comment or a job's summary: short enough for either, always.

What failed and where to look stands on top; everything else folds away under the headings of report.html.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from tokenswarm.report.grouping import threshold_groups
from tokenswarm.report.markdown import folded, text
from tokenswarm.report.markdown_head import (
    chief_figures,
    doubts,
    head,
    is_invalid,
    what_failed,
    where_to_look,
)
from tokenswarm.report.markdown_sections import SECTIONS
from tokenswarm.report.summary import Summary

# GitHub takes 65,536 characters in a comment, GitLab a million; a comparison goes in front of it.
MOST_BYTES: Final = 48_000
MOST_ROWS: Final = 40  # of one table
_FOLD_BYTES: Final = 300  # what a fold and the note of a cut take
_CUT: Final = "… cut for size; the rest is in report.html."


def render(summary: Summary) -> str:
    """The whole report; what does not fit is cut from its end, and said to be."""
    pages = _Pages(MOST_BYTES)
    broken = (what_failed, where_to_look)
    for part in (head, *((doubts, *broken) if is_invalid(summary) else (*broken, doubts)), chief_figures):
        pages.add([*part(summary)])
    for section in SECTIONS:
        lines = [*section.write(summary)]
        if lines:
            pages.add(lines, f"{section.title}{_counted(section.title, summary)}")
    source = text(summary.about.source)
    left_out = f" Left out here for size: {', '.join(pages.left_out)}." if pages.left_out else ""
    return "\n".join([*pages.lines, f"Everything, with charts: report.html of {source}.{left_out}", ""])


class _Pages:
    """Blocks of lines, as long as there is room."""

    def __init__(self, room: int) -> None:
        self.lines: list[str] = []
        self.left_out: list[str] = []
        self._room = room

    def add(self, lines: Sequence[str], title: str = "") -> None:
        """A block, folded under its title if it has one; as much of it as fits."""
        kept = self._fitting(_shortened(lines))
        if not kept:
            self.left_out += [title] if lines else []
            return
        block = [*(folded(title, kept) if title else kept), ""]
        self._room -= _size(block)
        self.lines += block

    def _fitting(self, lines: Sequence[str]) -> list[str]:
        room = self._room - _FOLD_BYTES
        kept: list[str] = []
        for line in lines:
            room -= len(line.encode()) + 1
            if room < 0:
                return [*kept, "", _CUT] if kept else []
            kept.append(line)
        return kept


def _shortened(lines: Sequence[str]) -> list[str]:
    """Without the rows of a table after the first MOST_ROWS: a long one must not cost all that follows."""
    kept: list[str] = []
    for is_table, group in itertools.groupby(lines, key=lambda line: line.startswith("|")):
        rows = list(group)
        kept += rows[: MOST_ROWS + 2] if is_table else rows  # two lines are its head
        if is_table and len(rows) > MOST_ROWS + 2:
            kept += ["", f"… and {len(rows) - MOST_ROWS - 2:,} more in report.html."]
    return kept


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _counted(title: str, summary: Summary) -> str:
    """What a folded part holds, in so few words that nobody need open it to know."""
    if title == "Thresholds":
        counts = [f"{len(g.rows)} {g.title.lower()}" for g in threshold_groups(summary.thresholds)]
        return f": {', '.join(counts)}" if counts else ": none"
    if title == "Errors":
        return f": {sum(row.count for row in summary.errors):,}"
    if title == "Can this run be trusted?":
        states = [check.state for check in summary.checks]
        bad = sum(state in ("bad", "warning") for state in states)
        return f" {bad} of {len(states)} checks say no" if bad else f" All {len(states)} checks are good"
    return ""
