"""A suite from end to end: two runs, one that fails, one summary."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

PROFILE = """
name: {name}
stages: [{{name: hold, duration: 2s, users: 2}}]
streaming: 50%
think_time: 100ms
thresholds: {{requests: ["count > {limit}"]}}
"""


def test_a_suite_runs_all_its_profiles_and_ends_with_the_worst_verdict(tmp_path: Path) -> None:
    """The first fails, the second is run all the same, and a summary holds both."""
    for name, limit in (("greedy", 1_000_000), ("modest", 1)):
        file = tmp_path / "profiles" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(PROFILE.format(name=name, limit=limit), encoding="utf-8")
    suite = tmp_path / "pair.yaml"
    suite.write_text("runs: [{profile: greedy}, {profile: modest, why: the better one}]\n", encoding="utf-8")
    command = [sys.executable, "-m", "tokenswarm", "suite", "pair.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    (folder,) = (tmp_path / "reports").iterdir()
    plain = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    assert done.returncode == plain["exit_code"] == 99, done.stderr
    assert [leg["exit_code"] for leg in plain["legs"]] == [99, 0]
    assert {file.name for file in folder.iterdir()} == {
        *("01-greedy", "02-modest"),
        *("suite.json", "suite.md", "junit.xml"),
    }
    assert (folder / "02-modest" / "report.html").is_file()
    assert "FAIL: 1 of 2 runs passed; not greedy (fail) (exit 99)." in done.stdout
