"""Real gateways' caches, tried: what the report calls a miss is what the provider behind them saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.process import MockProcess

from .conftest import LITELLM_KEY

pytestmark = pytest.mark.end_to_end
CALLS = 120
POOL = 10

Providers = tuple[MockProcess, MockProcess]


def received(providers: Providers) -> int:
    return sum(provider.counters().received for provider in providers)


# nginx keeps no streams: their provider says that they are not to be cached.
@pytest.mark.parametrize(
    ("gateway", "model", "streaming", "preflight"),
    [("litellm", "primary", "50%", 2), ("nginx", "mock", "0%", 1)],
)
def test_hits_are_the_calls_that_no_provider_saw(
    gateway: str,
    model: str,
    streaming: str,
    preflight: int,
    request: pytest.FixtureRequest,
    providers: Providers,
    start: Callable,
    tmp_path: Path,
) -> None:
    """Streams and whole answers, each with the text of the first; unique questions are never hit."""
    url = request.getfixturevalue(gateway)
    target = tmp_path / "gateway.yaml"
    target.write_text(f"{{url: '{url}', model: {model}, key_env: PROXY_KEY}}\n")
    profile = tmp_path / "cache.yaml"
    profile.write_text(
        f"stages: [{{name: hold, requests: {CALLS}, users: 4}}]\nstreaming: {streaming}\n"
        f"cache: {{exact: 75, unique: 25, pool: {POOL}, zipf: 0.8}}\n"
        "thresholds: {'failures{outcome:cache_mismatch}': 'count == 0', error_rate: '< 1%'}\n"
    )
    seen = received(providers)
    done = start(*("run", str(profile), "--target", str(target)), environ={"PROXY_KEY": LITELLM_KEY}).wait()
    # What is counted is right on a starved machine too; only its times would not be.
    assert done.code in (0, 111), done.out + done.err
    misses = received(providers) - seen - preflight
    cache = json.loads((done.folder / "summary.json").read_text())["cache"]
    told = {row["name"]: row["count"] for row in cache["layers"]}
    assert told == {"hit": CALLS - misses, "miss": misses}
    arms = {row["name"]: row for row in cache["arms"]}
    assert arms["unique"]["hit_rate"] == 0
    assert arms["exact"]["hit_rate"] > 0.5
    assert cache["compared"] + cache["unknowable"] == told["hit"]
    assert cache["compared"] > 0.5 * told["hit"]
