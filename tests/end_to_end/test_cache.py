"""A gateway with two caches, and one whose hits are all wrong: what does the report say of them?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.stack import start_stack

pytestmark = pytest.mark.end_to_end
# The stamp makes no two answers the same.
PROVIDER = MockOptions(ttft="5", itl="0.5", tokens="12", orders=("stamp=1",))
# What is counted is right on a machine without time to spare, too; only the times are not.
STARVED = 111
PREFLIGHT = 2  # calls: one of each kind
TTL_S = 1.0
POOL = 25


def profile(folder: Path, users: int, seconds: int, cache: str, thresholds: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(
        f"stages: [{{name: hold, duration: {seconds}s, users: {users}}}]\n"
        "prompts: {short: 2, medium: 1}\nstreaming: 50%\n"
        f"cache: {cache}\nthresholds: {thresholds}\n"
    )
    return str(file)


def read(log: Path) -> list[dict[str, Any]]:
    return [call for call in map(json.loads, log.read_text().splitlines()) if "total_ms" in call]


def test_hits_are_those_of_the_gateways_own_log(start: Callable, tmp_path: Path) -> None:
    """By layer, over two workers, from a cold start; what should have expired has, and no answer is wrong."""
    log = tmp_path / "truth.jsonl"
    caches = {"l1_ttl": TTL_S, "l2": True, "l2_ttl": TTL_S, "truth_log": log}
    asks = f"{{exact: 60, varied: 20, unique: 15, expired: 5, pool: {POOL}, zipf: 1.0, ttl: 1s}}"
    lines = "{'cache_hit_rate{cache_arm:expired}': '< 1%', 'failures{outcome:cache_mismatch}': 'count == 0'}"
    mine = profile(tmp_path, 4, 5, f"{asks}", lines)
    with start_stack((PROVIDER,), **caches) as stack:
        done = start("run", mine, "--target", stack.url, "--model", "mock", "--workers", "2").wait()
    assert done.code in (0, STARVED), done.out + done.err
    cache = json.loads((done.folder / "summary.json").read_text())["cache"]
    calls = read(log)
    truth = Counter(call["layer"] or "miss" for call in calls)
    layers = {row["name"].removeprefix("hit "): row for row in cache["layers"]}
    truth["miss"] -= PREFLIGHT
    assert {name: row["count"] for name, row in layers.items()} == truth
    arms = {row["name"]: row for row in cache["arms"]}
    assert arms["expired"]["count"] > 0
    assert arms["expired"]["hit_rate"] == arms["unique"]["hit_rate"] == 0
    assert arms["exact"]["hit_rate"] > 0.2
    assert arms["varied"]["hit_rate"] > 0.1
    assert cache["compared"] > 0.5 * (truth["l1"] + truth["l2"])
    # However busy the machine, some hits get through at once.
    assert layers["l1"]["min_ms"] < 1
    prompts = cache["prompts"]
    assert prompts["sent"] == len(calls) - PREFLIGHT
    assert 0 < prompts["distinct"] - arms["varied"]["count"] - arms["unique"]["count"] <= POOL


def test_a_ratio_of_wrong_hits_is_told_and_fails(start: Callable, tmp_path: Path) -> None:
    """Forced hits give few answers to all questions: 60 ± 2 % of hits, and nearly all are wrong."""
    log = tmp_path / "truth.jsonl"
    mine = profile(
        tmp_path,
        8,
        4,
        "{exact: 50, unique: 50, pool: 40}",
        "{'failures{outcome:cache_mismatch}': 'count == 0'}",
    )
    with start_stack((PROVIDER,), hit_ratio="60%", truth_log=log) as stack:
        done = start("run", mine, "--target", stack.url, "--model", "mock").wait()
    assert done.code in (99, STARVED), done.out + done.err
    summary = json.loads((done.folder / "summary.json").read_text())
    cache, calls = summary["cache"], read(log)
    forced = sum(call["layer"] == "l1" for call in calls)
    (row,) = (row for row in cache["layers"] if row["is_hit"])
    assert row["count"] == forced
    assert cache["hit_rate"] == pytest.approx(0.6, abs=0.02)
    assert cache["mismatches"] > 0.8 * forced
    assert [row["status"] for row in summary["thresholds"]] == ["fail"]
    assert {error["outcome"] for error in summary["errors"]} == {"cache_mismatch"}
