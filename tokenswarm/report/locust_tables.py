"""The four CSV files that any Locust run leaves, as pandas tables.

pandas is loaded where a table is made: most reports are of run folders, and need none.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tokenswarm.errors import RunFolderError
from tokenswarm.report.locust_count import AGGREGATED

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is read of a file: it must have `columns`, and every row a number in each of `numbers`."""

    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    is_aggregated_only: bool = False
    is_count_last: bool = False  # some version of Locust ends the line with a number that is used

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys((*self.numbers, *self.columns)))


_STATS: Final = _Wanted(
    ("Type", "Name", "Average Response Time", "Requests/s", "50%"), ("Request Count", "Failure Count")
)
# The last is that of the line: where it is missing, the line is half.
_HISTORY: Final = _Wanted(
    ("Name", "Requests/s"),
    (
        "Timestamp",
        "User Count",
        "Total Request Count",
        "Total Failure Count",
        "Total Average Content Size",
    ),
    is_aggregated_only=True,
)
_FAILURES: Final = _Wanted(("Method", "Name", "Error"), ("Occurrences",), is_count_last=True)
_EXCEPTIONS: Final = _Wanted(("Message",), ("Count",))
_LARGEST: Final = 1e15  # no count nor time of a run is larger
_ROWS_AT_ONCE: Final = 100_000
_IN_QUOTES: Final = re.compile(r"EOF inside string starting at row (\d+)")


@dataclass(frozen=True, slots=True)
class History:
    """The Aggregated rows of PREFIX_stats_history.csv, in the order of the file.

    Their `Timestamp` never falls: where the clock was set back (by `set_back_s` in all), it
    goes on from there.
    """

    rows: pd.DataFrame
    set_back_s: float
    is_cut: bool  # its last line was half-written, and is left out


def read_stats(prefix: Path) -> pd.DataFrame:
    """PREFIX_stats.csv, one row a name and one for all; RunFolderError if it is no such file."""
    file = with_suffix(prefix, "_stats.csv")
    table, is_cut = _read(file, _STATS)
    if table is None:
        raise RunFolderError(
            f"{file}: no such file; `locust --csv {prefix.name}` writes it, and `tokenswarm report` takes"
            " that prefix, or a run folder"
        )
    if not (table["Name"] == AGGREGATED).any():
        why = "its last line is cut off: Locust was writing it" if is_cut else "did the run end at once?"
        raise RunFolderError(f"{file}: there is no {AGGREGATED} row in it: {why}")
    if is_cut:
        whole = table[table["Name"] == AGGREGATED].iloc[-1]
        if any(str(whole[name]) in ("", "nan") for name in table.columns if name != "Type"):
            raise RunFolderError(f"{file}: its last line is cut off: Locust was writing it")
        table = table.iloc[:, :-1]  # all fields are there, but the last may be half a number
    return table


def read_history(prefix: Path) -> History | None:
    """PREFIX_stats_history.csv; None if there is none. With --csv-full-history it has millions of rows."""
    table, is_cut = _read(with_suffix(prefix, "_stats_history.csv"), _HISTORY)
    if table is None:
        return None
    told = table["Timestamp"].diff().fillna(0.0)
    # Whatever a clock that was set back says, as much time passed as between other rows.
    passed = told.where(told >= 0, told[told > 0].median()).fillna(1.0)
    rows = table.assign(Timestamp=table["Timestamp"].iloc[:1].sum() + passed.cumsum())
    # Locust may write two rows within one second, and a late worker's report moves counts in steps.
    rows = rows.drop_duplicates("Timestamp", keep="last").reset_index(drop=True)
    return History(rows, float((passed - told).sum()), is_cut)


def read_failures(prefix: Path) -> tuple[pd.DataFrame | None, bool]:
    """PREFIX_failures.csv, or None; and whether its last line is left out because it is half-written."""
    return _read(with_suffix(prefix, "_failures.csv"), _FAILURES)


def read_exceptions(prefix: Path) -> tuple[pd.DataFrame | None, bool]:
    """PREFIX_exceptions.csv: what the locustfile itself raised; likewise."""
    return _read(with_suffix(prefix, "_exceptions.csv"), _EXCEPTIONS)


def with_suffix(prefix: Path, suffix: str) -> Path:
    """PREFIX_stats.csv and the like; a prefix may hold dots, which Path.with_suffix would cut at."""
    return prefix.with_name(prefix.name + suffix)


def _read(file: Path, wanted: _Wanted) -> tuple[pd.DataFrame | None, bool]:
    """The rows, and whether the last line was half-written; None if there is no file.

    Half a line lacks fields, or ends within quotes, or is not ended: then its last number may be half.
    """
    import pandas as pd

    try:
        is_cut, rows = _has_no_end(file), None
        try:
            parts = _parts(file, wanted, rows)
        except pd.errors.ParserError as error:
            ended_in = _IN_QUOTES.search(str(error))
            if ended_in is None:
                raise
            # The row that a quote opened and nothing closed, counted with the header.
            is_cut, rows = True, int(ended_in[1]) - 1
            parts = _parts(file, wanted, rows)
    except FileNotFoundError:
        return None, False
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RunFolderError(f"{file}: can't be read as CSV: {error}") from None
    table = pd.concat(parts, ignore_index=True)
    numbers = table[list(wanted.numbers)]
    is_whole = (numbers.notna() & (numbers.abs() < _LARGEST)).all(axis="columns")
    if not is_whole.all():
        is_cut, table = True, table[is_whole].reset_index(drop=True)
    elif is_cut and rows is None and wanted.is_count_last:
        table = table.iloc[:-1]  # what looks whole may be half of its last number
    return table, is_cut


def _parts(file: Path, wanted: _Wanted, rows: int | None) -> list[pd.DataFrame]:
    """A part at a time, so that a file of any size takes no more memory than what is kept of it."""
    import pandas as pd

    # A row may well be named "NA" or "null"; figures are made numbers here and where they are read.
    head = pd.read_csv(file, keep_default_na=False, nrows=0)
    lacking = [name for name in wanted.names if name not in head.columns]
    if lacking:
        raise RunFolderError(f"{file}: not Locust's: the column {lacking[0]} is missing")
    parts = [head[wanted.names] if wanted.is_aggregated_only else head]
    with pd.read_csv(
        file,
        keep_default_na=False,
        chunksize=_ROWS_AT_ONCE,
        nrows=rows,
        dtype={"Name": str, "Error": str, "Message": str},
        usecols=wanted.names if wanted.is_aggregated_only else None,
    ) as reader:
        for table in reader:
            part = table[table["Name"] == AGGREGATED] if wanted.is_aggregated_only else table
            made = {name: pd.to_numeric(part[name], errors="coerce") for name in wanted.numbers}
            parts.append(part.assign(**made))
    return [part for part in parts if len(part)] or parts[:1]


def _has_no_end(file: Path) -> bool:
    """Whether the last line was never ended: Locust ends every line that it has written."""
    with file.open("rb") as raw:
        if not raw.seek(0, os.SEEK_END):
            return False
        raw.seek(-1, os.SEEK_END)
        return raw.read(1) not in b"\r\n"
