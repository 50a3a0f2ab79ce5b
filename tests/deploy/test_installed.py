"""The built wheel, in a clean environment away from its source, brings all that runs and new suites need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Installed

pytestmark = pytest.mark.end_to_end
# Starved by other programs a run is INVALID, and rightly so; then it is made anew.
MOST_ATTEMPTS = 4
STARVED = 111
# A busy machine may be as slow as it likes.
PATIENT = "name: patient\ntitle: Patient\nthresholds: {error_rate: ['< 1%'], latency: 'p(95) < 20s'}\n"


def test_a_wheel_runs_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    """Its own profiles, SLOs, targets and locustfile; reports land where the user is."""
    checked = installed.run("tokenswarm", "check", "smoke", "--target", "litellm", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert str(installed.prefix) in checked.stdout
    # Its verdict is for the machine to say; that there is one is the wheel's doing.
    done = installed.run("tokenswarm", "run", "smoke", "--time-scale", "0.1", cwd=tmp_path)
    (folder,) = (tmp_path / "reports").iterdir()
    facts = json.loads((folder / "run.json").read_text())
    assert facts["state"] == "finished", done.stderr
    assert facts["mock"]["received"] > 0
    assert str(installed.prefix) in facts["locust_command"]
    assert "</html>" in (folder / "report.html").read_text()


def test_what_only_checks_the_source_is_not_installed(installed: Installed) -> None:
    """It would make the image twice as large."""
    (packages,) = installed.prefix.glob("lib/python3*/site-packages")
    assert (packages / "locust").is_dir()
    assert (packages / "tokenswarm" / "swarm" / "browser" / "page.js").is_file()
    assert not (packages / "mypy").exists()
    assert installed.wheel.stat().st_size < 2_000_000


def test_a_new_suite_passes(installed: Installed, tmp_path: Path) -> None:
    """`init`, then `make smoke` there: with the suite's own files, and the tokenswarm that is installed."""
    begun = installed.run("tokenswarm", "init", "ours", cwd=tmp_path)
    assert begun.returncode == 0, begun.stderr
    suite = tmp_path / "ours"
    (suite / "profiles" / "slo" / "patient.yaml").write_text(PATIENT)
    for _ in range(MOST_ATTEMPTS):
        done = installed.run("make", "smoke", "ARGS=--time-scale 0.3 --slo patient", cwd=suite)
        if f"Error {STARVED}" not in done.stderr:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
    facts = json.loads(max((suite / "reports").iterdir()).joinpath("run.json").read_text())
    assert f"{suite}/locustfiles/chat.py" in facts["locust_command"]
    assert facts["profile"]["file"] == "profiles/smoke.yaml"
    again = installed.run("tokenswarm", "init", "ours", cwd=tmp_path)
    assert (again.returncode, "nothing is overwritten" in again.stderr) == (104, True)
