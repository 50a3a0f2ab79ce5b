"""What a command line names, read and checked: everything that can be wrong is found before any load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.profile.load import load_profile, load_slo, load_target
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.scaling import scale_profile, scale_slo
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.target import Target
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.wire.dialect import DIALECTS


@dataclass(frozen=True, slots=True)
class Names:
    """What the user typed; None where the profile or the mock decides."""

    profile: str
    target: str | None = None
    model: str | None = None
    slo: str | None = None
    time_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Resolved:
    """The same, read: scaled, checked against each other. `target` None means the embedded mock."""

    profile: Profile
    slo: Slo | None
    thresholds: list[Threshold]
    target: Target | None
    locustfile: Path


def resolve(
    names: Names,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    profile: Profile | None = None,
) -> Resolved:
    """Read everything, but a `profile` that is given; ConfigurationError with what is wrong."""
    cwd = cwd or Path.cwd()
    places = SearchPath.of(cwd)
    profile = scale_profile(profile or load_profile(names.profile, places, environ), names.time_scale)
    slo_name = names.slo or profile.slo
    slo = scale_slo(load_slo(slo_name, places, environ), names.time_scale) if slo_name else None
    target = (
        load_target(names.target, places, environ, model=names.model, dialects=DIALECTS)
        if names.target
        else None
    )
    return Resolved(profile, slo, thresholds_of(profile, slo), target, _locustfile(profile.scenario, cwd))


def _locustfile(scenario: str, cwd: Path) -> Path:
    """The user's own locustfile of that name, else the one that comes with tokenswarm."""
    folders = dict.fromkeys((cwd / "locustfiles", Path(__file__).resolve().parents[2] / "locustfiles"))
    for folder in folders:
        if (folder / f"{scenario}.py").is_file():
            return folder / f"{scenario}.py"
    known = sorted({file.stem for folder in folders for file in folder.glob("*.py")})
    raise ConfigurationError(
        f"scenario {scenario}: there is no locustfiles/{scenario}.py; "
        f"those that exist: {', '.join(known) or 'none'}"
    )
