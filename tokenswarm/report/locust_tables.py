"""The four CSV files that any Locust run leaves, as pandas tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from tokenswarm.errors import RunFolderError

AGGREGATED: Final = "Aggregated"
_STATS: Final = (
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Average Response Time",
    "Requests/s",
    "50%",
)
_HISTORY: Final = ("Timestamp", "User Count", "Name", "Requests/s", "Total Request Count")


def read_stats(prefix: Path) -> pd.DataFrame:
    """PREFIX_stats.csv, one row a name and one for all; RunFolderError if it is no such file."""
    file = with_suffix(prefix, "_stats.csv")
    table = _read(file, _STATS)
    if table is None:
        raise RunFolderError(
            f"{file}: no such file; `locust --csv {prefix.name}` writes it, and `tokenswarm report` takes"
            " that prefix, or a run folder"
        )
    if not (table["Name"] == AGGREGATED).any():
        raise RunFolderError(f"{file}: there is no {AGGREGATED} row in it: did the run end at once?")
    return table


def read_history(prefix: Path) -> pd.DataFrame | None:
    """The Aggregated rows of PREFIX_stats_history.csv, in order of time; None if there is none."""
    table = _read(with_suffix(prefix, "_stats_history.csv"), _HISTORY)
    if table is None:
        return None
    whole = table[table["Name"] == AGGREGATED]
    # Locust may write two rows within one second, and a late worker's report moves counts in steps.
    return whole.drop_duplicates("Timestamp", keep="last").sort_values("Timestamp").reset_index(drop=True)


def read_failures(prefix: Path) -> pd.DataFrame | None:
    """PREFIX_failures.csv, or None."""
    return _read(with_suffix(prefix, "_failures.csv"), ("Method", "Name", "Error", "Occurrences"))


def read_exceptions(prefix: Path) -> pd.DataFrame | None:
    """PREFIX_exceptions.csv: what the locustfile itself raised; or None."""
    return _read(with_suffix(prefix, "_exceptions.csv"), ("Count", "Message"))


def aggregated_requests(file: Path) -> int | None:
    """How many requests Locust counted in all; None where that can't be read."""
    try:
        table = _read(file, _STATS)
    except RunFolderError:
        return None  # its own figures are a second opinion; without them ours stand alone
    if table is None:
        return None
    counts = table.loc[table["Name"] == AGGREGATED, "Request Count"]
    return int(counts.iloc[0]) if len(counts) else None


def with_suffix(prefix: Path, suffix: str) -> Path:
    """PREFIX_stats.csv and the like; a prefix may hold dots, which Path.with_suffix would cut at."""
    return prefix.with_name(prefix.name + suffix)


def _read(file: Path, needed: tuple[str, ...]) -> pd.DataFrame | None:
    try:
        # A row may well be named "NA" or "null"; columns of figures are made numbers where they are read.
        table = pd.read_csv(file, keep_default_na=False)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RunFolderError(f"{file}: can't be read as CSV: {error}") from None
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        raise RunFolderError(f"{file}: not Locust's: the column {lacking[0]} is missing")
    return table
