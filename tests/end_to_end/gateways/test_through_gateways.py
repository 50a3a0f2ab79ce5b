"""Runs through real gateways: what we count is what the provider behind them saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.process import MockProcess

from .conftest import LITELLM_KEY

pytestmark = [pytest.mark.end_to_end, pytest.mark.xdist_group("gateways")]
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
