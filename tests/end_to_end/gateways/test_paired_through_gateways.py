"""The paired arm with a real gateway in between: whose calls went where, and what is said of streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.process import MockProcess

pytestmark = [pytest.mark.end_to_end, pytest.mark.xdist_group("gateways")]
PREFLIGHT_CALLS = 2  # of each arm
SHARE = 0.4

Providers = tuple[MockProcess, MockProcess]


def test_nginx_is_compared_with_the_provider_behind_it(
    nginx: str, providers: Providers, tokenswarm: Callable, tmp_path: Path
) -> None:
    """Every call reached the provider, the share past nginx is exact, and its stamps come through."""
    provider = providers[0]
    target = tmp_path / "nginx.yaml"
    target.write_text(f"url: {nginx}/unbuffered\nmodel: mock\nprovider: {{url: '{provider.url}'}}\n")
    profile = tmp_path / "paired.yaml"
    profile.write_text(
        "stages: [{name: steady, duration: 4s, users: 5}]\npaired: {share: 40%}\nthink_time: 20ms\n"
        "thresholds: {error_rate: '< 1%', overhead: 'p(50) < 20s', paired_overhead: 'p(50) < 20s'}\n"
    )
    before: list[int] = []
    done = tokenswarm(
        *("run", str(profile), "--target", str(target)),
        each_time=lambda: before.append(provider.counters().received),
    )
    assert done.code == 0, done.out + done.err
    assert provider.counters().received - before[-1] == done.counted() + 2 * PREFLIGHT_CALLS
    summary = json.loads((done.folder / "summary.json").read_text())
    through = next(total["value"] for total in summary["totals"] if total["metric"] == "requests")
    # Exact at the end of every deck of 60 calls, and never a deck away.
    assert through == pytest.approx((1 - SHARE) * done.counted(), abs=15)
    overhead = summary["overhead"]
    ways = {(row["what"], row["calls"], row["way"]) for row in overhead["rows"]}
    assert ways == {
        (what, calls, way)
        for what, calls in (
            ("first token", "streams"),
            ("whole call", "streams"),
            ("whole call", "whole answers"),
        )
        for way in ("stamped", "paired")
    }
    assert {row["answered_by"] for row in overhead["breakdown"]} == {"provider"}
    assert overhead["sentence"]
    assert [row["gateway"] is not None for row in overhead["distortion"]] == [True] * 6
    locust = (done.folder / "locust_stats.csv").read_text()
    assert ",provider chat short stream," in locust
