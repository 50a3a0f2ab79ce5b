"""Markdown's own forms: text that is never markup, code spans, tables, and blocks that fold away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

LONGEST_TEXT: Final = 400  # characters of any one text; targets answer with whole pages

# What Markdown or HTML would take for markup, in text that isn't ours; in this order.
_ESCAPES: Final = (
    (re.compile(r"&"), "&amp;"),
    # Elsewhere they are what a limit begins with, and no markup: `< 1%`.
    (re.compile(r"<(?![\s\d=]|$)"), "&lt;"),
    (re.compile(r"(?<=\S)>|^>(?![\s=])"), "&gt;"),
    (re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+#]|#(?=\d)"), r"\\\g<0>"),
    # A word joiner: nobody is notified because an error message holds a name.
    (re.compile(r"@(?=\w)"), "@\u2060"),
)
_LINE_BREAKS: Final = re.compile(r"[\r\n\u0085\u2028\u2029\t]+")
_INVISIBLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def text(value: object, longest: int = LONGEST_TEXT) -> str:
    """Text that shows as it is, whatever it holds; cut where it is longer than anybody reads."""
    if value is None:
        return ""
    shown = _line(str(value), longest)
    for pattern, replacement in _ESCAPES:
        shown = pattern.sub(replacement, shown)
    return shown


def code(value: str, longest: int = LONGEST_TEXT) -> str:
    """Text in a code span; a bar would end a table's cell, and backticks need longer ones around them."""
    if not value:
        return ""
    shown = _line(value, longest).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall(r"`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], align: str, is_escaped: Sequence[int] = ()
) -> Iterator[str]:
    """Lines of a table; `align` has l or r for each column, cells of `is_escaped` are Markdown already."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('--:' if side == 'r' else '---' for side in align)}|"
    for row in rows:
        cells = (cell if i in is_escaped else text(cell) for i, cell in enumerate(row))
        yield f"| {' | '.join(cells)} |"


def folded(title: str, lines: Sequence[str]) -> list[str]:
    """A block that opens on a click. The blank lines make GitHub read what is inside as Markdown."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>"]


def _line(value: str, longest: int) -> str:
    shown = _INVISIBLE.sub("\ufffd", _LINE_BREAKS.sub(" ", value))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
