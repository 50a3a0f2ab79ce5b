"""A comparison for a terminal: a text of its own, and a part of the report's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tokenswarm.report.compare import chief_rows
from tokenswarm.report.comparison import Comparison
from tokenswarm.report.terminal import drawn

_STYLES: Final = {
    "regressed": "red",
    "holds": "green",
    "no regression": "green",
    "unknown": "magenta",
    "inconclusive": "magenta",
    "indicative": "yellow",
    "": "",
}


def render(comparison: Comparison, *, width: int | None = None, is_terminal: bool = False) -> str:
    """The whole text; colours and the terminal's width only for a terminal."""
    head = Text(f"base     {comparison.base}\ncurrent  {comparison.current}")
    return drawn((head, *parts(comparison)), width=width, is_terminal=is_terminal)


def parts(comparison: Comparison) -> Iterator[RenderableType]:
    """The figures, what differs, and the sentence."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("figure", overflow="fold")
    for head in ("base", "current", "change", "limit"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in (*comparison.judged, *chief_rows(comparison)):
        style = _STYLES[row.state]
        figure = Text(row.key)
        if row.reason:
            figure.append(f"\n{row.reason}", style="dim")
        state, change = (Text(words, style=style) for words in (row.state, row.change_text))
        table.add_row(state, figure, row.base_text, row.current_text, change, row.limit_text)
    yield table
    for difference in comparison.differences:
        yield Text(f" ! {difference.sentence}", style="yellow")
    for note in comparison.notes:
        yield Text(f"   {note}")
    if comparison.differences or comparison.notes:
        yield ""
    yield Text(comparison.sentence, style=f"bold {_STYLES[comparison.outcome]}")
