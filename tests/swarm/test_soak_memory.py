"""A soak leaves no more in memory and on disk the longer it goes; the whole day is in benchmarks/."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "soak_memory.py"
# Per interval as many calls, sets of labels and reports as change nothing any more but the number of them.
SHORT = ("--hours", "24", "--calls", "60000", "--report-every", "240", "--origins", "3")


def test_a_day_is_flat_in_memory_and_small_on_disk(tmp_path: Path) -> None:
    """24 h in a few seconds: all intervals, some label sets, far fewer calls."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), *SHORT, "--folder", str(tmp_path)],
        cwd=BENCHMARK.parents[1],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for role in ("worker", "master"):
        looks = found[role]["looks"]
        assert max(looks) < 150
        # The first quarter fills what is bounded; from then on nothing that counts may come.
        assert looks[-1] - looks[1] < 6, (role, looks)
    assert found["folder MB"] < 10
    assert found["report MB"] < 500
    assert found["html MB"] < 2
    lines = (tmp_path / "intervals.jsonl").read_text().splitlines()
    assert 300 < len(lines) < 700
    assert len((tmp_path / "locust_stats_history.csv").read_text().splitlines()) < 7 * 700
