"""Where answers came from over time, in a few characters: a row for each provider, a cell for each slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.summary import Timeline, Track

_CELLS: Final = "·▁▂▃▄▅▆▇█"
_MOST_CELLS: Final = 64
_MOST_ROWS: Final = 6


@dataclass(frozen=True, slots=True)
class StripRow:
    """A provider and its share of the calls in each slice; a blank where nobody was named."""

    provider: str
    cells: str


@dataclass(frozen=True, slots=True)
class Strip:
    """All rows, and how many seconds a cell stands for."""

    cell_s: float
    rows: tuple[StripRow, ...]


def strip_of(timeline: Timeline | None) -> Strip | None:
    """None where fewer than two providers answered."""
    tracks = timeline.of("providers") if timeline is not None else []
    if timeline is None or len(tracks) < 2:
        return None
    count = len(timeline.at_s)
    size = -(-count // _MOST_CELLS)
    slices = [range(start, min(start + size, count)) for start in range(0, count, size)]
    whole = [sum(_sum(track, one) for track in tracks) for one in slices]
    rows = []
    for track in tracks[:_MOST_ROWS]:
        parts = [_sum(track, one) for one in slices]
        rows.append(StripRow(track.name, "".join(map(_cell, parts, whole))))
    return Strip(size * timeline.width_s, tuple(rows))


def lines_of(strip: Strip) -> Sequence[str]:
    """As they stand under each other in letters of one width."""
    width = max(len(row.provider) for row in strip.rows)
    return [f"{row.provider:<{width}}  {row.cells}" for row in strip.rows]


def _sum(track: Track, slice_of: range) -> float:
    return sum(track.values[i] or 0.0 for i in slice_of)


def _cell(part: float, whole: float) -> str:
    if not whole:
        return " "
    share = part / whole
    # A single call must show, and only all of them fill the cell.
    return _CELLS[0 if not part else 8 if share == 1 else 1 + int(share * 7)]
