"""Providers and gateways as real processes, a client for both, and a real Redis."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockCounters, MockProcess
from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.proxy.process import GatewayCounters, GatewayProcess
from tokenswarm.mock.redis_server import RedisServer

from ...until import until
from ..client import Answer, send

BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "PROMPT"}]},
    "/v1/messages": {"messages": [{"role": "user", "content": "PROMPT"}], "max_tokens": 100},
    "/v1/completions": {"prompt": "PROMPT"},
    "/v1/responses": {"input": "PROMPT"},
    "/v1/embeddings": {"input": "PROMPT"},
}
CHAT = "/v1/chat/completions"


def ask(
    url: str,
    prompt: str = "Say hello.",
    *,
    path: str = CHAT,
    model: str = "mock",
    stream: bool = False,
    headers: dict[str, str] | None = None,
    raw: bytes | None = None,
    **more: Any,
) -> Answer:
    """One call; further keywords go into its body."""
    body = {
        "model": model,
        "stream": stream,
        **json.loads(json.dumps(BODIES[path]).replace("PROMPT", prompt)),
        **more,
    }
    return send(
        url, path, raw if raw is not None else body, {"anthropic-version": "2023-06-01", **(headers or {})}
    )


def admin(url: str, body: Any = None, path: str = "/admin") -> Any:
    """POST there, or GET without a body; the JSON of the answer."""
    return send(url, path, body).json


@dataclass
class Stage:
    """Starts what a test needs, and stops it after it."""

    stack: ExitStack
    folder: Path
    calm: str  # the URL of a provider that all tests share: it answers at once, and nobody counts its calls
    down: str  # of one that answers 503
    starts: int = 0
    pids: list[int] = field(default_factory=list)

    def provider(self, **options: Any) -> MockProcess:
        """One that answers three tokens at once, unless told otherwise."""
        options = {"ttft": "0", "itl": "0", "tokens": "3", "admin_port": 0, **options}
        log = self._log("provider")
        return self._started(MockProcess(MockOptions(truth_log=log, **options), role="provider"))

    def gateway(self, *upstreams: str, **options: Any) -> GatewayProcess:
        log = self._log("gateway")
        return self._started(GatewayProcess(GatewayOptions(upstreams, truth_log=log, **options)))

    def _started(self, process: Any) -> Any:
        self.stack.enter_context(process)
        self.pids.append(process.pid)
        return process

    def _log(self, role: str) -> Path:
        self.starts += 1
        return self.folder / f"{role}-{self.starts}.jsonl"

    def truth(self, role: str, number: int) -> list[dict[str, Any]]:
        """The calls in the log of what was started as number `number`; changes are left out."""
        return [entry for entry in self.changes_and_calls(role, number) if "event" not in entry]

    def changes(self, role: str, number: int) -> list[dict[str, Any]]:
        return [entry for entry in self.changes_and_calls(role, number) if "event" in entry]

    def changes_and_calls(self, role: str, number: int) -> list[dict[str, Any]]:
        path = self.folder / f"{role}-{number}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def stop(self) -> None:
        """All processes, so that their logs are whole; all at once, because each takes its time."""
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self.pids.clear()
        self.stack.close()


@pytest.fixture(scope="session")
def shared_providers() -> Iterator[tuple[str, str]]:
    """One that is well and one that is down."""
    instant = {"ttft": "0", "itl": "0", "tokens": "3"}
    with (
        MockProcess(MockOptions(**instant), role="provider") as calm,
        MockProcess(MockOptions(**instant, status=503), role="provider") as down,
    ):
        yield calm.url, down.url


@pytest.fixture
def stage(tmp_path: Path, shared_providers: tuple[str, str]) -> Iterator[Stage]:
    with ExitStack() as stack:
        held = Stage(stack, tmp_path, *shared_providers)
        yield held
        held.stop()


def settled(process: Any) -> Any:
    """A gateway's, or provider's, counters once nothing is in flight."""

    def look() -> GatewayCounters | MockCounters | None:
        counters = process.counters()
        return None if counters.in_flight else counters

    return until(look)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with RedisServer() as server:
        yield server


@pytest.fixture
def tools() -> Any:
    """The functions that tests here use most, under one name."""
    from types import SimpleNamespace

    return SimpleNamespace(ask=ask, admin=admin, until=until, settled=settled, paths=tuple(BODIES))
