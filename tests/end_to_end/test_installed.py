"""A wheel, installed away from its source, brings all that a run needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end
PROJECT = Path(__file__).parents[2]
SOURCE = ("pyproject.toml", "README.md", "LICENSE", "tokenswarm", "profiles", "locustfiles")
LONGEST_S = 120


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python -m COMMAND`, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds tokenswarm as pip installs it; built from a copy, to leave no traces here."""
    source, wheels, target = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "target"))
    for name in SOURCE:
        if (PROJECT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(PROJECT / name, source)
    offline = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    built = run("pip", "wheel", *offline, "--no-build-isolation", "--wheel-dir", wheels, source, cwd=source)
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    done = run("pip", "install", *offline, "--target", target, wheel, cwd=wheels)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(source)
    return target


def test_a_wheel_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """Its own profiles, SLOs, targets and locustfile; reports land where the user is."""
    own = {"PYTHONPATH": str(installed)}
    checked = run("tokenswarm", "check", "smoke", "--target", "litellm", cwd=tmp_path, **own)
    assert checked.returncode == 0, checked.stderr
    assert str(installed / "tokenswarm") in checked.stdout
    # Its verdict is for the machine to say; that there is one is the wheel's doing.
    done = run("tokenswarm", "run", "smoke", "--time-scale", "0.1", cwd=tmp_path, **own)
    (folder,) = (tmp_path / "reports").iterdir()
    facts = json.loads((folder / "run.json").read_text())
    assert facts["state"] == "finished", done.stderr
    assert facts["mock"]["received"] > 0
    assert str(installed / "tokenswarm") in facts["locust_command"]
    assert (folder / "report.html").stat().st_size > 1_000_000
