"""Two workers against several models, compressed, with a rule of the target: every part is told apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end

PROFILE = """\
stages: [{name: load, requests: 80, users: 4}]
streaming: 50%
thresholds:
  requests: ["count == 80"]
  compressed_rate: ["== 100%"]
  "compression_ratio{model:mock;tokens=40}": ["avg > 1.5"]
"""
TARGET = """\
url: URL
gzip: true
models:
  - {name: "mock;tokens=10", weight: 3, provider: alpha, prices: {input: 0, output: 100000}}
  - {name: "mock;tokens=40", weight: 1, provider: beta}
signals:
  - {gives: cache, header: x-nobody-sends-this, value: hit}
"""


@pytest.fixture
def mock() -> Iterator[MockProcess]:
    """It compresses what it is asked to, and has OpenAI's headers."""
    with MockProcess(MockOptions(ttft="5", itl="0", orders=("gzip=1",))) as running:
        yield running


def test_models_shares_costs_and_rules_add_up_over_workers(
    tokenswarm: Callable, mock: MockProcess, tmp_path: Path
) -> None:
    """Sixty calls of eighty ask for the first model, ten tokens each at ten cents."""
    profile, target = tmp_path / "mine.yaml", tmp_path / "target.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    target.write_text(TARGET.replace("URL", mock.url), encoding="utf-8")
    done = tokenswarm("run", str(profile), "--target", str(target), "--workers", "2")
    assert done.code == 0, done.out + done.err
    answers = json.loads((done.folder / "summary.json").read_text())["answers"]
    rows = {(row["group"], row["name"]): row for row in answers["origins"]}
    first = rows["model", "mock;tokens=10"]
    # Each worker deals from decks of its own: the last one may not be empty.
    assert abs(first["count"] - 60) <= 6
    assert first["cost"] == pytest.approx(first["count"] * 10 * 0.1)
    assert first["answered_by"] == ["mock;tokens=10"]
    assert rows["provider", "alpha"]["count"] == first["count"]
    assert rows["provider", "beta"]["count"] == 80 - first["count"]
    assert answers["gateway"] == "openai"
    asked = {rule["name"]: (rule["matched"], rule["asked"]) for rule in answers["rules"]}
    assert asked["cache hit: header x-nobody-sends-this"] == (0, 80)
    assert asked["limit_requests: header x-ratelimit-limit-requests"] == (80, 80)
    assert answers["doubts"] == ["a rule of the target never applied: cache hit: header x-nobody-sends-this"]
    assert done.run["target"]["gateway_found"] == "openai"
