"""The paired arm with a real gateway in between: whose calls went where, and what is said of streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

from tokenswarm.mock.process import MockProcess

from .conftest import LITELLM_KEY

pytestmark = pytest.mark.end_to_end
PREFLIGHT_CALLS = 2  # of each arm
SHARE = 0.4

Providers = tuple[MockProcess, MockProcess]


def since(log: Path, lines: int) -> list[dict[str, Any]]:
    """What the provider noted of each call after its first so many lines."""
    entries = map(json.loads, log.read_text().splitlines()[lines:])
    return [entry for entry in entries if "total_ms" in entry]


def assert_times_are_the_providers(summary: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    """The provider's part of each mean call is what its own log says; the whole is the sum of its parts.

    Its pace is even, so that calls past the gateway, which the log has too, change no mean.
    """
    for row in summary["overhead"]["breakdown"]:
        is_stream = row["calls"] == "streams"
        logged = [call for call in calls if call["stream"] is is_stream]
        parts = row["parts_ms"]
        assert sum(parts.values()) == pytest.approx(row["mean_ms"], rel=0.02), row
        if "provider_first" in parts:
            first_ms = fmean(call["ttft_ms" if is_stream else "total_ms"] for call in logged)
            assert parts["provider_first"] == pytest.approx(first_ms, rel=0.05), row
        if "provider_rest" in parts:
            rest_ms = fmean(call["total_ms"] - call["ttft_ms"] for call in logged)
            assert parts["provider_rest"] == pytest.approx(rest_ms, rel=0.05), row


def assert_overhead_is_the_difference(summary: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    """Stamped, of whole answers: what they took here less what the provider's log says that it took."""
    overhead = row_of(summary, "whole answers", "whole call", "stamped")["p50"]["value_ms"]
    logged_ms = median(call["total_ms"] for call in calls if call["stream"] is False)
    took_ms = next(
        spread["p50_ms"]
        for spread in summary["spreads"]
        if (spread["metric"], spread["group"], spread["name"]) == ("latency", "streaming", "not streaming")
    )
    assert overhead == pytest.approx(took_ms - logged_ms, abs=1 + 0.02 * took_ms)


def row_of(summary: dict[str, Any], calls: str, what: str, way: str) -> dict[str, Any]:
    key = {"calls": calls, "what": what, "way": way}
    return next(row for row in summary["overhead"]["rows"] if key.items() <= row.items())


def test_nginx_is_compared_with_the_provider_behind_it(
    nginx: str,
    providers: Providers,
    provider_logs: tuple[Path, Path],
    tokenswarm: Callable,
    tmp_path: Path,
) -> None:
    """Every call reached the provider, the share past nginx is exact, and times are those of the log."""
    provider, log = providers[0], provider_logs[0]
    target = tmp_path / "nginx.yaml"
    target.write_text(f"url: {nginx}/unbuffered\nmodel: mock\nprovider: {{url: '{provider.url}'}}\n")
    profile = tmp_path / "paired.yaml"
    profile.write_text(
        "stages: [{name: steady, duration: 4s, users: 5}]\npaired: {share: 40%}\nthink_time: 20ms\n"
        "thresholds: {error_rate: '< 1%', overhead: 'p(50) < 20s', paired_overhead: 'p(50) < 20s'}\n"
    )
    before: list[int] = []
    lines: list[int] = []

    def note() -> None:
        before.append(provider.counters().received)
        lines.append(len(log.read_text().splitlines()))

    done = tokenswarm(*("run", str(profile), "--target", str(target)), each_time=note)
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
    calls = since(log, lines[-1])
    assert_times_are_the_providers(summary, calls)
    assert_overhead_is_the_difference(summary, calls)


def test_litellms_overhead_is_what_it_took_beyond_the_providers_own_log(
    litellm: str,
    providers: Providers,
    provider_logs: tuple[Path, Path],
    tokenswarm: Callable,
    tmp_path: Path,
) -> None:
    """All three ways, for streams and whole answers: stamps come through it, and it tells its own figure."""
    log = provider_logs[0]
    target = tmp_path / "litellm.yaml"
    target.write_text(
        f"{{url: '{litellm}', model: primary, key_env: PROXY_KEY, gateway: litellm,"
        f" provider: {{url: '{providers[0].url}', model: mock}}}}\n"
    )
    profile = tmp_path / "paired.yaml"
    profile.write_text(
        "stages: [{name: steady, duration: 5s, users: 3}]\npaired: {share: 30%}\nthink_time: 20ms\n"
        "thresholds: {error_rate: '< 1%', paired_overhead: 'p(50) < 20s'}\n"
    )
    lines: list[int] = []
    done = tokenswarm(
        *("run", str(profile), "--target", str(target)),
        environ={"PROXY_KEY": LITELLM_KEY},
        each_time=lambda: lines.append(len(log.read_text().splitlines())),
    )
    assert done.code == 0, done.out + done.err
    summary = json.loads((done.folder / "summary.json").read_text())
    ways = {(row["calls"], row["way"]) for row in summary["overhead"]["rows"]}
    assert ways == {
        (calls, way)
        for calls in ("streams", "whole answers")
        for way in ("stamped", "paired", "self-reported")
    }
    calls = since(log, lines[-1])
    assert_times_are_the_providers(summary, calls)
    assert_overhead_is_the_difference(summary, calls)
    paired = row_of(summary, "whole answers", "whole call", "paired")["p50"]
    stamped = row_of(summary, "whole answers", "whole call", "stamped")["p50"]["value_ms"]
    # Nineteen in twenty intervals hold the truth; each by far does, once it is twice as wide to both sides.
    width = paired["high_ms"] - paired["low_ms"]
    assert paired["low_ms"] - width - 2 <= stamped <= paired["high_ms"] + width + 2
