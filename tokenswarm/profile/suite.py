"""A suite: several profiles that are run one after another and judged together."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from tokenswarm.errors import ProfileError
from tokenswarm.profile.places import Kind, SearchPath
from tokenswarm.profile.values import Block, Document, Name
from tokenswarm.profile.yaml_tree import Path

_REFERENCES: Final[dict[str, Kind]] = {"profile": "profile", "slo": "SLO", "target": "target"}


class SuiteRun(Block):
    """One run; what it leaves out, the command line or the profile decides."""

    profile: Annotated[str, Field(min_length=1)]
    slo: str | None = None
    target: str | None = None
    model: str | None = None
    why: str = Field("", description="what this run is for, as the summary says it")


class Suite(Document):
    """What `profiles/suites/NAME.yaml` says."""

    name: Name
    description: str = ""
    runs: Annotated[list[SuiteRun], Field(min_length=1, max_length=50)]


def check_references(data: Any, places: SearchPath) -> list[tuple[Path, str]]:
    """Profiles, SLOs and targets that runs name and that don't exist."""
    found: list[tuple[Path, str]] = []
    runs = data.get("runs")
    for i, run in enumerate(runs if isinstance(runs, list) else ()):
        for key, kind in _REFERENCES.items():
            ref = run.get(key) if isinstance(run, dict) else None
            if not isinstance(ref, str) or not ref or "://" in ref:
                continue
            try:
                places.find(kind, ref)
            except ProfileError as error:
                found.append((("runs", i, key), str(error)))
    return found
