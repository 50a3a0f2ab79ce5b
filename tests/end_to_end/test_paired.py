"""The paired arm from the command line to the report, over two workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.end_to_end


def test_paired_profile_without_a_target_gets_a_provider_of_its_own(
    tokenswarm: Callable, patient_profile: str
) -> None:
    """All three ways are there; the mock gateway counted the calls through it, and none that went past it."""
    with Path(patient_profile).open("a") as profile:
        profile.write("paired: {share: 30%}\n")
    done = tokenswarm("run", patient_profile, "--workers", "2")
    assert done.code == 0, done.out + done.err
    summary = json.loads((done.folder / "summary.json").read_text())
    texts = [check["text"] for check in summary["checks"] if check["what"] == "counts"]
    assert any(text.endswith("calls, as many as were sent") for text in texts), texts
    through, made = done.run["mock"]["received"], done.counted()
    # Exact at the end of each worker's deck of 200, and as near as chance before.
    assert abs(through - 0.7 * made) < 5 * (0.7 * 0.3 * made) ** 0.5
    assert {row["way"] for row in summary["overhead"]["rows"]} == {"stamped", "paired", "self-reported"}
    assert done.run["target"]["provider"] != done.run["target"]["url"]
    assert yaml.safe_load((done.folder / "target.yaml").read_text())["provider"]["url"]


def test_paired_profile_wants_a_target_with_a_provider(tokenswarm: Callable) -> None:
    """Before any load, in one line, with the mend."""
    done = tokenswarm("run", "overhead", "--target", "http://127.0.0.1:9", "--model", "m")
    assert done.code == 104
    assert "this target names none; write `provider: {url: …}` into a target file" in done.err
    assert not done.reports.exists()
