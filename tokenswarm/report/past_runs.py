"""The runs that lie in a folder of reports, in order of time, grouped by what was run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tokenswarm.errors import RunFolderError
from tokenswarm.report.recorded import Recorded
from tokenswarm.report.schema_number import read_json

_UNTRUSTED: Final = ("invalid", "interrupted")


@dataclass(frozen=True, slots=True)
class Group:
    """What makes two runs comparable over time."""

    profile: str
    target: str
    model: str
    time_scale: float

    @property
    def title(self) -> str:
        """For people."""
        target = f" against {self.target}" if self.target else ""
        model = f", model {self.model}" if self.model and self.model != self.target else ""
        scale = f", time scale {self.time_scale:g}" if self.time_scale != 1 else ""
        return f"{self.profile or 'Locust CSV'}{target}{model}{scale}"


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run; `lines` are its thresholds as summary.json has them."""

    at: datetime
    file: Path
    recorded: Recorded
    lines: Sequence[Mapping[str, Any]]

    @property
    def is_trusted(self) -> bool:
        """Whether its figures count: those of an INVALID run are shown and nothing else."""
        return self.recorded.outcome not in _UNTRUSTED

    @property
    def name(self) -> str:
        """Its folder's name."""
        return str(self.recorded.about["source"])

    @property
    def group(self) -> Group:
        """What it is to be compared with."""
        about = self.recorded.about
        return Group(
            str(about.get("profile", "")),
            str(about.get("target", "")),
            str(about.get("model", "")),
            float(about.get("time_scale", 1.0)),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The runs by group, groups of the newest runs first; and what was left out, with the reason."""

    groups: Mapping[Group, Sequence[PastRun]]
    skipped: Sequence[str]

    @property
    def count(self) -> int:
        """Of all runs."""
        return sum(map(len, self.groups.values()))


def find_runs(places: Iterable[Path]) -> Found:
    """Every summary.json below these folders; RunFolderError if there is none."""
    places = list(places)
    files: dict[Path, None] = {}
    skipped: list[str] = []
    for place in places:
        if place.is_dir():
            files |= dict.fromkeys(sorted({*place.rglob("summary.json"), *place.rglob("*_summary.json")}))
            skipped += _unreported(place)
        elif place.is_file():
            files[place] = None
        else:
            raise RunFolderError(f"{place}: no such folder or file; give folders of runs, such as reports/")
    runs = []
    for file in files:
        try:
            runs.append(_read(file))
        except RunFolderError as error:
            skipped.append(str(error))
    if not runs:
        why = f": {skipped[0]}" if skipped else ""
        raise RunFolderError(f"{', '.join(map(str, places))}: there is no summary.json of a run in it{why}")
    groups: dict[Group, list[PastRun]] = {}
    for run in sorted(runs, key=lambda run: (run.at, str(run.file))):
        groups.setdefault(run.group, []).append(run)
    newest_first = sorted(groups.items(), key=lambda item: item[1][-1].at, reverse=True)
    return Found(dict(newest_first), skipped)


def _read(file: Path) -> PastRun:
    plain = read_json(file)
    recorded = Recorded.of(plain, str(file))
    try:
        at = datetime.fromisoformat(str(recorded.about["started_at"]))
    except (KeyError, ValueError):
        raise RunFolderError(f"{file}: it does not say when the run began") from None
    lines = plain.get("thresholds") or ()
    if not (isinstance(lines, list | tuple) and all(isinstance(line, dict) for line in lines)):
        raise RunFolderError(f"{file}: damaged: thresholds is no list of lines")
    return PastRun(at if at.tzinfo else at.replace(tzinfo=UTC), file, recorded, lines)


def _unreported(place: Path) -> list[str]:
    return [
        f"{file.parent}: no summary.json yet; `tokenswarm report {file.parent}` makes it"
        for file in sorted(place.rglob("run.json"))
        if not (file.parent / "summary.json").is_file()
    ]
