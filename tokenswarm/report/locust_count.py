"""How many requests Locust counted in a run. Without pandas: loading it would take half of a report."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

AGGREGATED: Final = "Aggregated"  # the name of the row that is about all the others


def aggregated_requests(file: Path) -> int | None:
    """The count of all in a PREFIX_stats.csv; None where that can't be read.

    Its own figures are a second opinion: without them ours stand alone.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            row = next((row for row in csv.DictReader(lines) if row.get("Name") == AGGREGATED), None)
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    return None if row is None else _count(row)


def _count(row: Mapping[str, str | None]) -> int | None:
    try:
        # Without the column that follows it, the line was cut off, maybe within this number.
        float(row["Failure Count"] or "")
        return int(float(row["Request Count"] or ""))
    except (KeyError, ValueError, OverflowError):
        return None
