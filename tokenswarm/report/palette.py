"""The colours of a report, for light and dark: style sheets name them, and charts do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Shade(NamedTuple):
    """One colour in both schemes."""

    light: str
    dark: str


PALETTE: Final[Mapping[str, Shade]] = {
    "page": Shade("#f6f7f8", "#14171a"),
    "surface": Shade("#fefefe", "#1c2024"),
    "ink": Shade("#1b1f24", "#e6e9ec"),
    "muted": Shade("#5c6670", "#98a3ad"),
    "line": Shade("#dfe3e7", "#323840"),
    "grid": Shade("#e9ecef", "#2a3036"),
    "shade": Shade("#7d8894", "#8b96a1"),
    "good": Shade("#1a7a48", "#58c98b"),
    "warning": Shade("#8f5f00", "#e5b549"),
    "critical": Shade("#bb2d2a", "#ff8079"),
    "unsure": Shade("#55508f", "#aaa5f0"),
    "blue": Shade("#2a6fb0", "#6bb0ee"),
    "amber": Shade("#d07a10", "#f0a348"),
    "plum": Shade("#a23b72", "#e07fb4"),
    "teal": Shade("#138a7e", "#4fc7b9"),
    "slate": Shade("#8a949e", "#7e8993"),
    "olive": Shade("#7a8420", "#bcc65a"),
    "brick": Shade("#c4452f", "#f2806c"),
}
