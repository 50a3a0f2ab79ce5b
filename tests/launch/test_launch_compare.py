"""What `tokenswarm compare` writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.compare import compare_runs

RUN = Path(__file__).parents[1] / "golden" / "report" / "incident.json"


def test_every_form_is_written_where_its_suffix_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the terminal has the text as well."""
    outputs = [tmp_path / name for name in ("a.md", "a.json", "a.txt")]
    assert compare_runs(RUN, RUN, (), outputs, anyway=False) == 0
    shown = capsys.readouterr().out
    assert (tmp_path / "a.txt").read_text("utf-8") == shown
    plain = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert (plain["schema"], plain["outcome"], plain["exit_code"]) == (1, "no regression", 0)
    assert (tmp_path / "a.md").read_text("utf-8").startswith("# ✅")


def test_a_form_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError, match=r"allowed: \.md, \.json, \.txt"):
        compare_runs(tmp_path / "no", RUN, (), [tmp_path / "a.pdf"], anyway=False)


def test_other_loads_are_compared_only_if_that_is_said(tmp_path: Path) -> None:
    """`--anyway` makes it an indication."""
    plain = json.loads(RUN.read_text("utf-8"))
    plain["about"]["time_scale"] = 1.0
    for spread in plain["spreads"]:
        spread["p95_ms"] *= 2
    (tmp_path / "other.json").write_text(json.dumps(plain))
    with pytest.raises(ConfigurationError, match="not runs of the same load"):
        compare_runs(RUN, tmp_path / "other.json", (), [], anyway=False)
    assert compare_runs(RUN, tmp_path / "other.json", (), [], anyway=True) == 111
