"""How often does `tokenswarm ab` cry wolf, and how often does it find 15 %? With real runs of short legs.

    python benchmarks/ab_power.py [--repeats 20] [--slower 0.15] [--pairs 8] [--seconds 3] [--minutes 60]

Two mock providers stand side by side, of one pace but with random numbers of their own. First B is as quick
as A, then slower by so much. Wanted of 20: regressed at most once where they are alike, 18 times where B is
slower. After --minutes no comparison is begun any more, and what was done is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

PROFILE = """
stages:
  - {{name: warm-up, duration: 500ms, users: {users}, warmup: true, transition: step}}
  - {{name: hold, duration: {seconds}s, users: {users}}}
think_time: 10ms
thresholds: {{error_rate: ["< 1%"]}}
"""
TTFT_MS, GAP_MS = 20.0, 1.5


def pace(seed: int, slower: float) -> MockOptions:
    """An answer of about 45 ms, with the spread of the embedded mock."""
    return MockOptions(
        seed=seed,
        ttft=f"lognormal:{TTFT_MS * (1 + slower):g}:0.25",
        itl=f"lognormal:{GAP_MS * (1 + slower):g}:0.3",
        tokens="p50:15:p99:40",
    )


def compare_once(profile: Path, slower: float, number: int, pairs: int, folder: Path) -> dict[str, Any]:
    """One A/B comparison: its outcome, and the changes that it found."""
    with MockProcess(pace(2 * number, 0.0)) as a, MockProcess(pace(2 * number + 1, slower)) as b:
        options = ["--a", a.url, "--b", b.url, "--model", "mock"]
        options += ["--pairs", str(pairs), "--seed", str(100 * number), "--reports", str(folder)]
        done = subprocess.run(
            [sys.executable, "-m", "tokenswarm", "ab", str(profile), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120 * pairs,
            check=False,
        )
    found = list(folder.glob("*/ab.json"))
    if not found:
        raise RuntimeError(done.stderr)
    result = json.loads(found[0].read_text())
    rows = {row["key"]: {"word": row["word"], **row["answer"]} for row in result["rows"]}
    return {"outcome": result["outcome"], "exit": done.returncode, "pairs": result["pairs"], "rows": rows}


def show(slower: float, number: int, result: dict[str, Any], took_s: float) -> None:
    """One line: what came of it, and each mean with half its interval."""
    changes = ", ".join(
        f"{key} {row['mean']:+.3f}±{row['high'] - row['mean']:.3f}" for key, row in result["rows"].items()
    )
    pairs = f"{result['pairs']} pairs, {took_s:.0f} s"
    print(f"{slower:+.0%} no. {number}: {result['outcome']} ({pairs}) {changes}", flush=True)


def main() -> int:
    """Print what was found; 1 if it is worse than wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--slower", type=float, default=0.15)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    until_s = time.monotonic() + 60 * arguments.minutes
    found: dict[float, list[dict[str, Any]]] = {0.0: [], arguments.slower: []}
    # By turns, so that time that runs out takes as many from either.
    for number, slower in ((n, slower) for n in range(1, arguments.repeats + 1) for slower in found):
        if time.monotonic() > until_s:
            break
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            profile = Path(scratch) / "ab.yaml"
            profile.write_text(PROFILE.format(users=arguments.users, seconds=arguments.seconds))
            result = compare_once(profile, slower, number, arguments.pairs, Path(scratch) / "reports")
        show(slower, number, result, time.monotonic() - began_s)
        found[slower].append(result)
        if arguments.json:
            arguments.json.write_text(json.dumps({f"{by:g}": done for by, done in found.items()}, indent=1))
    for slower, results in found.items():
        print(
            f"B slower by {slower:.0%}: {dict(Counter(one['outcome'] for one in results))} of {len(results)}"
        )
    alarms, hits = ([one["outcome"] == "regressed" for one in results] for results in found.values())
    return 0 if sum(alarms) <= max(1, len(alarms) / 20) and sum(hits) >= 0.9 * len(hits) else 1


if __name__ == "__main__":
    sys.exit(main())
