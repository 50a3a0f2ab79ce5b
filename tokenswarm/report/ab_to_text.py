"""An A/B comparison for a terminal."""

from __future__ import annotations

import io
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tokenswarm.report.ab import AbResult

_STYLES: Final = {
    "regressed": "red",
    "equivalent": "green",
    "improved": "green",
    "inconclusive": "magenta",
    "interrupted": "magenta",
}
_PLAIN_WIDTH: Final = 120  # of a log or a file, which has no width of its own
_NARROWEST: Final = 60


def render(result: AbResult, *, width: int | None = None, is_terminal: bool = False) -> str:
    """The whole text; colours and the terminal's width only for a terminal."""
    console = Console(
        file=io.StringIO(),
        width=max(_NARROWEST, width or _PLAIN_WIDTH),
        force_terminal=is_terminal,
        color_system="standard" if is_terminal else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(Text(f"A is {result.a.shown}, B is {result.b.shown}; {result.pairs} pairs count"))
        console.print()
        console.print(_table(result))
        for note in result.notes:
            console.print(Text(f" ! {note}"))
        if result.notes:
            console.print()
        console.print(Text(result.sentence, style=f"bold {_STYLES[result.outcome]}"))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _table(result: AbResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("figure", no_wrap=True)
    for head in ("A", "B", "change", "95% interval", "p", "margin", "would find"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in result.rows:
        style = _STYLES[row.word]
        table.add_row(
            Text(row.word, style=style),
            str(row.key),
            row.a_text,
            row.b_text,
            Text(row.change_text(row.answer.mean), style=style),
            row.interval_text,
            row.p_text,
            row.margin_text,
            row.detectable_text,
        )
    return table
