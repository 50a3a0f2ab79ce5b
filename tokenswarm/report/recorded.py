"""What is known of a run that others are compared with: its figures, and what it was run with.

a run folder          its summary.json, or if that is missing what its measurements say
a summary.json        by itself, such as the artifact of another job
a Locust CSV prefix   PREFIX_stats.csv and its kin
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tokenswarm.errors import RunFolderError
from tokenswarm.report.figure_key import ALL, OF_TIMES, FigureKey
from tokenswarm.report.figures import milliseconds, share
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.locust_tables import with_suffix
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.schema_number import read_as, read_json
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summarise_csv import summarise_csv
from tokenswarm.report.summary import SCHEMA

_SUMMARY: Final = "summary.json"
_STATS: Final = "_stats.csv"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: milliseconds for times, else base units; `samples` are the calls that it rests on."""

    value: float
    text: str
    samples: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """One run. `about`, `environment` and `configuration` are those of summary.json."""

    source: str
    is_csv: bool
    outcome: str
    sentence: str
    about: Mapping[str, Any]
    environment: Mapping[str, Any]
    configuration: Mapping[str, Any]
    figures: Mapping[FigureKey, Figure]

    @classmethod
    def of(cls, plain: Mapping[str, Any], source: str) -> Recorded:
        """From what summary.json holds; RunFolderError, with the key, if it is not that."""
        what = "a summary.json of tokenswarm's"
        return read_as(what, plain, SCHEMA, source, partial(cls._read, source))

    @classmethod
    def _read(cls, source: str, plain: Mapping[str, Any]) -> Recorded:
        _check_shape(plain)
        return cls(
            source,
            plain["about"]["source_kind"] == "Locust CSV",
            str(plain["verdict"]["outcome"]),
            str(plain["verdict"]["sentence"]),
            plain["about"],
            plain["environment"],
            plain["configuration"],
            dict(_figures(plain)),
        )


def read_recorded(source: Path) -> Recorded:
    """The run in a folder, a summary.json or the CSV files of a prefix; RunFolderError if it is none."""
    if source.is_dir():
        summary = source / _SUMMARY
        if summary.is_file():
            return _read_summary(summary, str(source))
        return Recorded.of(summarise_run(read_run(source)).to_plain(), str(source))
    if source.suffix == ".json":
        return _read_summary(source, str(source))
    prefix = source
    if source.name.endswith(_STATS):
        prefix = source.with_name(source.name.removesuffix(_STATS))
    if not with_suffix(prefix, _STATS).is_file():
        raise RunFolderError(
            f"{source}: no such run: give a run folder, a summary.json, or a prefix of Locust's CSV files"
            f" ({with_suffix(prefix, _STATS)} doesn't exist)"
        )
    return Recorded.of(summarise_csv(LocustCsv(prefix), None, None).to_plain(), str(source))


def _read_summary(file: Path, source: str) -> Recorded:
    if not file.exists():
        raise RunFolderError(f"{file}: no such file")
    return Recorded.of(read_json(file), source)


def _check_shape(plain: Mapping[str, Any]) -> None:
    """ValueError where something that is read later on is of another kind; KeyError where it is missing."""
    sections = [(name, plain[name]) for name in ("about", "verdict", "environment", "configuration")]
    sections += [(f"configuration.{name}", value or {}) for name, value in _parts(plain["configuration"])]
    wrong = [name for name, value in sections if not isinstance(value, Mapping)]
    if wrong:
        raise ValueError(f"{wrong[0]} holds no keys")
    numbers = {
        "about.time_scale": plain["about"].get("time_scale", 1.0),
        "environment.memory_bytes": plain["environment"].get("memory_bytes") or 0,
    }
    wrong = [name for name, value in numbers.items() if not isinstance(value, int | float)]
    if wrong:
        raise ValueError(f"{wrong[0]} is no number")


def _parts(configuration: Any) -> list[tuple[str, Any]]:
    if not isinstance(configuration, Mapping):
        return []  # said of the whole
    return [(name, configuration.get(name)) for name in ("profile", "target")]


def _figures(plain: Mapping[str, Any]) -> Iterator[tuple[FigureKey, Figure]]:
    totals = {str(total["metric"]): total for total in plain["totals"]}
    requests = int(totals["requests"]["value"]) if "requests" in totals else 0
    if "error_rate" in totals:
        # The other side of one coin: people put limits on either.
        succeeded = 1 - float(totals["error_rate"]["value"])
        yield FigureKey("success_rate"), Figure(succeeded, share(succeeded), requests)
    for metric, total in totals.items():
        yield FigureKey(metric), Figure(float(total["value"]), str(total["text"]), requests)
    for spread in plain["spreads"]:
        for figure, column in OF_TIMES.items():
            value = spread[column]
            if value is not None:
                name = spread["name"] if spread["group"] != ALL else ""
                key = FigureKey(spread["metric"], figure, spread["group"], name)
                yield key, Figure(float(value), milliseconds(value), int(spread["count"]))
