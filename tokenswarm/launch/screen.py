"""Shows a result on standard output: as wide as the terminal, and in colours, where there is one."""

from __future__ import annotations

import os
import sys
from typing import Protocol, TypeVar

import click

T_contra = TypeVar("T_contra", contravariant=True)


class Renderer(Protocol[T_contra]):
    """Draws a result as text; `width` in columns, None where it may choose."""

    def __call__(self, result: T_contra, /, *, width: int | None, is_terminal: bool) -> str: ...


def show(render: Renderer[T_contra], result: T_contra, *, nl: bool = True) -> None:
    """With an empty line below it unless `nl` is false."""
    is_terminal = sys.stdout.isatty()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if is_terminal else None
    click.echo(render(result, width=width, is_terminal=is_terminal), nl=nl)
