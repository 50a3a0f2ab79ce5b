"""A gateway and its providers, started and stopped together."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.stack import start_stack

from .client import send

INSTANT = MockOptions(ttft="0", itl="0", tokens="2")


def post(url: str, path: str, body: Any) -> Any:
    return send(url, path, body).json


def test_a_stack_fails_over_as_a_profiles_actions_ask() -> None:
    """The gateway's admin marks a provider down, the provider's own shuts it; all end with the block."""
    chat = {"model": "mock", "messages": [{"role": "user", "content": "hi"}]}
    with start_stack((INSTANT, INSTANT), breaker_failures=1, breaker_cooldown=0.01) as stack:
        pids = [stack.gateway.pid, *(provider.pid for provider in stack.providers)]
        path = "/v1/chat/completions"
        assert post(stack.url, path, chat)["metadata"]["provider"] == "primary"
        post(stack.admin_url, "/admin/providers/primary", {"down": True})
        assert post(stack.url, path, chat)["metadata"]["provider"] == "secondary"
        post(stack.admin_url, "/admin/providers/primary", {"down": False})
        post(stack.providers[0].admin_url, "/admin", {"down": True, "mode": "refuse"})
        assert post(stack.url, path, chat)["metadata"]["provider"] == "secondary"
        assert stack.metrics_url.endswith("/metrics")
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_stack_can_have_a_real_redis() -> None:
    """Running while the block does."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with start_stack((INSTANT,), with_redis=True) as stack:
        redis = stack.redis
        assert redis is not None
        assert redis.command("PING") == b"+PONG\r\n"
    with pytest.raises(ConnectionError):
        redis.command("PING")


def test_a_wrong_option_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """What had been started is stopped; a Redis that isn't installed is told."""
    with pytest.raises(ConfigurationError, match="allowed are llm-edge-agent"), start_stack(style="x"):
        pytest.fail("it started")
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(ConfigurationError, match="redis-server is not installed"),
        start_stack(with_redis=True),
    ):
        pytest.fail("it started")
