"""Draws texts for a terminal, a log or a file: colours and the terminal's own width only for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Final

from rich.console import Console, RenderableType

_NARROWEST: Final = 60
PLAIN_WIDTH: Final = 110  # of a log or a file, which has no width of its own
# Of verdicts, of what becomes of lines, and of checks.
STYLES: Final = {
    "pass": "green",
    "warn": "yellow",
    "warning": "yellow",
    "fail": "red",
    "bad": "red",
    "invalid": "red",
    "inconclusive": "magenta",
    "interrupted": "magenta",
}


def drawn(
    parts: Iterable[RenderableType],
    *,
    width: int | None,
    is_terminal: bool,
    plain_width: int = PLAIN_WIDTH,
) -> str:
    """The parts below each other, in columns of `width`, or of `plain_width` where that is None."""
    console = Console(
        file=io.StringIO(),
        width=max(_NARROWEST, width or plain_width),
        force_terminal=is_terminal,
        color_system="standard" if is_terminal else None,
        highlight=False,
        emoji=False,
        markup=False,  # square brackets in the target's words are no markup
        legacy_windows=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def printable(text: str) -> str:
    """Without control characters: those of a target must not reach the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
