"""Suite files: what they name must exist, and every problem is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ProfileError
from tokenswarm.profile.load import load_suite
from tokenswarm.profile.places import SearchPath, shipped
from tokenswarm.profile.resolve import Names, resolve

PLACES = SearchPath.of(Path.cwd())


@pytest.mark.parametrize("name", PLACES.names("suite"))
def test_shipped_suites_resolve(name: str) -> None:
    """Each of their runs is one that can be made against the embedded mock."""
    for run in load_suite(name, PLACES, {}).runs:
        assert resolve(Names(run.profile, run.target, run.model, run.slo), PLACES, {}).thresholds


def test_a_benchmark_suite_is_shipped() -> None:
    """Several tests in sequence: overhead and throughput among them."""
    profiles = [run.profile for run in load_suite("benchmark", PLACES, {}).runs]
    assert {"overhead", "throughput", "edge-004"} <= set(profiles)
    assert (shipped("profiles") / "suites").is_dir()


def test_all_problems_of_a_suite_are_told_at_once(tmp_path: Path) -> None:
    """With the line, what was found, and what there is."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "runs:\n  - {profile: smok}\n  - {profile: smoke, slo: nope}\n  - {what: 1}\n", encoding="utf-8"
    )
    with pytest.raises(ProfileError) as caught:
        load_suite(str(file), PLACES, {})
    text = "\n".join(caught.value.problems)
    assert "mine.yaml:2 runs[0].profile: no profile is called smok" in text
    assert "did you mean smoke" in text
    assert "runs[1].slo: no SLO is called nope" in text
    assert "runs[2].what" in text


def test_an_empty_suite_is_no_suite(tmp_path: Path) -> None:
    """It would pass without a call."""
    file = tmp_path / "mine.yaml"
    file.write_text("runs: []\n", encoding="utf-8")
    with pytest.raises(ProfileError, match="runs"):
        load_suite(str(file), PLACES, {})
