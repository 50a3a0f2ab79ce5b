"""How far from the truth are times of streams, ours and other clients', for the very same kind of stream?

    python benchmarks/accuracy.py [--openai-python PATH] [--users 10 50 100] [--rounds 2] [--json FILE]

Each client in turn streams from the mock, which notes when it wrote each chunk; the mock on one core, the
client on another where there are two. The error of a time to the first token is what the client says minus
what the server noted between request and first write. It has two parts: "seen" is how much later than its
write a first token was seen; the rest is how long the request was under way, which is the server's as much as
the client's. The error of a gap is how far it is from the one between the writes. `--openai-python` is the
interpreter of an environment with the package openai; without it that row is missing.
Goal: TTFT within 1 ms on average and 5 ms at p99 at 100 users.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from bench_process import OWN_CORE, TARGET_CORE, pin

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.truth_log import Truth, read_truths

MODEL = "mock;ttft=lognormal:60:0.3;itl=20;tokens=40"
CALLS = 4  # of each user
CLIENT = Path(__file__).with_name("accuracy_client.py")
LONGEST_S = 120


@dataclass(frozen=True, slots=True)
class Errors:
    """One client at one load; errors in ms."""

    users: int
    client: str
    ttft_mean: float
    ttft_p50: float
    ttft_p99: float
    seen_p50: float
    seen_p99: float
    gap_p50: float
    gap_p99: float


def measure(client: str, python: str, users: int, rounds: int) -> Errors:
    """Runs of one client at one load, put together."""
    ttft_ms: list[float] = []
    seen_ms: list[float] = []
    gaps_ms: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            log = Path(place) / "truth.jsonl"
            with MockProcess(MockOptions(truth_log=log)) as mock:
                os.sched_setaffinity(mock.pid, {TARGET_CORE})
                rows = run_client(client, python, mock.url, users)
            truths = read_truths(log)
        for row in rows:
            truth = truths[row["id"]]
            seen_s = row["seen_s"]
            ttft_s = truth.writes[0].to_s - truth.received_s
            ttft_ms.append((seen_s[0] - row["sent_s"] - ttft_s) * 1000)
            seen_ms.append((seen_s[0] - truth.writes[0].to_s) * 1000)
            gaps_ms += gap_errors_ms(seen_s, truth)
    for values in (ttft_ms, seen_ms, gaps_ms):
        values.sort()
    return Errors(
        users,
        client,
        fmean(ttft_ms),
        median(ttft_ms),
        ttft_ms[len(ttft_ms) * 99 // 100],
        median(seen_ms),
        seen_ms[len(seen_ms) * 99 // 100],
        median(gaps_ms),
        gaps_ms[len(gaps_ms) * 99 // 100],
    )


def run_client(client: str, python: str, url: str, users: int) -> list[dict]:
    """The lines that it printed."""
    done = subprocess.run(
        [python, str(CLIENT), client, url, MODEL, str(users), str(CALLS)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=LONGEST_S,
        preexec_fn=lambda: pin(OWN_CORE),
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def gap_errors_ms(seen_s: list[float], truth: Truth) -> list[float]:
    """Of gaps that can be told which they are: those of calls whose chunks were all seen apart."""
    if len(seen_s) != len(truth.writes):
        return []
    true_s = [later.to_s - earlier.to_s for earlier, later in pairwise(truth.writes)]
    found_s = [later - earlier for earlier, later in pairwise(seen_s)]
    return [abs(found - true) * 1000 for found, true in zip(found_s, true_s, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--openai-python", help="interpreter that can import openai")
    parser.add_argument("--users", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    clients = {"tokenswarm": sys.executable, "read-time": sys.executable, "httpx": sys.executable}
    if arguments.openai_python:
        clients["openai"] = arguments.openai_python
    else:
        print("openai: not measured, --openai-python names no environment that has it")
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'':<18}{'error of TTFT, ms':>27}{'seen late, ms':>18}{'gaps, ms':>18}")
    print(f"users client{'mean':>15}{'p50':>9}{'p99':>9}" + f"{'p50':>9}{'p99':>9}" * 2)
    found = []
    for users in arguments.users:
        for client, python in clients.items():
            row = measure(client, python, users, arguments.rounds)
            found.append(row)
            print(
                f"{row.users:>5} {row.client:<12}{row.ttft_mean:9.2f}{row.ttft_p50:9.2f}{row.ttft_p99:9.2f}"
                f"{row.seen_p50:9.2f}{row.seen_p99:9.2f}{row.gap_p50:9.3f}{row.gap_p99:9.2f}",
                flush=True,
            )
    ours = [row for row in found if row.client == "tokenswarm" and row.users == 100]
    for row in ours:
        print("goal met" if row.ttft_mean <= 1 and row.ttft_p99 <= 5 else "goal missed")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in found], indent=1))


if __name__ == "__main__":
    main()
