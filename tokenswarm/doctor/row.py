"""One line of the doctor's page: what was looked at, how it is, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A fault keeps runs from working; a warning spoils some of them, or is missed only by a few."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Row:
    """`mend` is empty only where nothing needs mending."""

    name: str
    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Rows that belong together."""

    title: str
    rows: Sequence[Row]


def ok(name: str, found: str) -> Row:
    return Row(name, State.OK, found)


def warning(name: str, found: str, mend: str) -> Row:
    return Row(name, State.WARNING, found, mend)


def fault(name: str, found: str, mend: str) -> Row:
    return Row(name, State.FAULT, found, mend)
