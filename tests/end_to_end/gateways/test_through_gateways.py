"""Runs through real gateways: what we count is what the provider behind them saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.process import MockProcess

from .conftest import LITELLM_KEY

pytestmark = pytest.mark.end_to_end
PREFLIGHT_CALLS = 2  # one of each kind: streaming and not

Providers = tuple[MockProcess, MockProcess]


def test_litellm_passes_on_every_call(
    litellm: str, providers: Providers, tokenswarm: Callable, patient_profile: str, tmp_path: Path
) -> None:
    """Streams and whole answers succeed, and none is lost or made twice on its way."""
    target = tmp_path / "gateway.yaml"
    target.write_text(f"{{name: gateway, url: '{litellm}', model: primary, key_env: PROXY_KEY}}\n")
    before: list[int] = []
    done = tokenswarm(
        *("run", patient_profile, "--target", str(target)),
        environ={"PROXY_KEY": LITELLM_KEY},
        each_time=lambda: before.append(providers[0].counters().received),
    )
    assert done.code == 0, done.out + done.err
    assert providers[0].counters().received - before[-1] == done.counted() + PREFLIGHT_CALLS


@pytest.mark.parametrize("scenario", ["messages", "responses", "completions", "embeddings"])
def test_litellm_passes_on_every_call_in_other_dialects(
    litellm: str, tokenswarm: Callable, tmp_path: Path, scenario: str
) -> None:
    """Messages are translated for its OpenAI provider and back; what comes out is good to the last event."""
    target = tmp_path / "gateway.yaml"
    target.write_text(f"{{name: gateway, url: '{litellm}', model: primary, key_env: PROXY_KEY}}\n")
    done = tokenswarm(
        *("run", scenario, "--time-scale", "0.3", "--target", str(target)),
        environ={"PROXY_KEY": LITELLM_KEY},
    )
    assert done.code in (0, 99), done.out + done.err  # it may well be slower than the profile's SLO
    totals = json.loads((done.folder / "summary.json").read_text())["totals"]
    counted = {row["metric"]: row["value"] for row in totals}
    assert counted["failures"] == 0, done.out
    assert counted["requests"] > 0


def test_nginx_passes_on_every_call(
    nginx: str, providers: Providers, tokenswarm: Callable, patient_profile: str
) -> None:
    """Streams and whole answers succeed, and none is lost or made twice on its way."""
    before: list[int] = []
    done = tokenswarm(
        *("run", patient_profile, "--target", nginx, "--model", "mock"),
        each_time=lambda: before.append(providers[0].counters().received),
    )
    assert done.code == 0, done.out + done.err
    assert providers[0].counters().received - before[-1] == done.counted() + PREFLIGHT_CALLS
