"""The locustfile of a scenario: the user's own, or the one that comes with tokenswarm."""

from __future__ import annotations

from pathlib import Path

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.places import shipped


def locustfile_of(scenario: str, cwd: Path) -> Path:
    """`locustfiles/SCENARIO.py`; ConfigurationError lists those that exist."""
    folders = dict.fromkeys((cwd / "locustfiles", shipped("locustfiles")))
    for folder in folders:
        if (folder / f"{scenario}.py").is_file():
            return folder / f"{scenario}.py"
    known = sorted({file.stem for folder in folders for file in folder.glob("*.py")})
    raise ConfigurationError(
        f"scenario {scenario}: there is no locustfiles/{scenario}.py; "
        f"those that exist: {', '.join(known) or 'none'}"
    )
