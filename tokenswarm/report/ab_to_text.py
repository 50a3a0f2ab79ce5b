"""An A/B comparison for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tokenswarm.report.ab import AbResult
from tokenswarm.report.terminal import drawn

_STYLES: Final = {
    "regressed": "red",
    "equivalent": "green",
    "improved": "green",
    "inconclusive": "magenta",
    "interrupted": "magenta",
}
_PLAIN_WIDTH: Final = 120  # its table is wider than those of a run


def render(result: AbResult, *, width: int | None = None, is_terminal: bool = False) -> str:
    """The whole text; colours and the terminal's width only for a terminal."""
    return drawn(_parts(result), width=width, is_terminal=is_terminal, plain_width=_PLAIN_WIDTH)


def _parts(result: AbResult) -> Iterator[RenderableType]:
    yield Text(f"A is {result.a.shown}, B is {result.b.shown}; {result.pairs} pairs count")
    yield ""
    yield _table(result)
    for note in result.notes:
        yield Text(f" ! {note}")
    if result.notes:
        yield ""
    yield Text(result.sentence, style=f"bold {_STYLES[result.outcome]}")


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
