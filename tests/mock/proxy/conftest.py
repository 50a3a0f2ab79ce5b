"""Providers and gateways as real processes, a client for both, and a real Redis."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, IncompleteRead
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockCounters, MockProcess
from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.proxy.process import GatewayCounters, GatewayProcess
from tokenswarm.mock.redis_server import RedisServer

BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "PROMPT"}]},
    "/v1/messages": {"messages": [{"role": "user", "content": "PROMPT"}], "max_tokens": 100},
    "/v1/completions": {"prompt": "PROMPT"},
    "/v1/responses": {"input": "PROMPT"},
    "/v1/embeddings": {"input": "PROMPT"},
}
CHAT = "/v1/chat/completions"


@dataclass
class Answer:
    """One answer as it came; `is_cut` if the connection ended before it did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_cut: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def tier(self) -> str | None:
        """The cache layer that answered."""
        return self.headers.get("x-llm-edge-cache-tier")

    @property
    def provider(self) -> str:
        return self.headers["x-llm-edge-provider"]


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
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    body = {
        "model": model,
        "stream": stream,
        **json.loads(json.dumps(BODIES[path]).replace("PROMPT", prompt)),
    }
    answer = Answer()
    try:
        sent = raw if raw is not None else json.dumps({**body, **more}).encode()
        connection.request("POST", path, sent, {"anthropic-version": "2023-06-01", **(headers or {})})
        response = connection.getresponse()
        answer.status = response.status
        answer.headers = {name.lower(): value for name, value in response.getheaders()}
        answer.body = response.read()
    except IncompleteRead as error:
        answer.body, answer.is_cut = error.partial, True
    except (HTTPException, ConnectionError):
        answer.is_cut = True
    finally:
        connection.close()
    return answer


def admin(url: str, body: Any = None, path: str = "/admin") -> Any:
    """POST there, or GET without a body; the JSON of the answer."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET" if body is None else "POST", path, body and json.dumps(body))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def until(condition: Callable[[], Any], within_s: float = 20.0) -> Any:
    """What `condition` says once it says something true."""
    end_s = monotonic() + within_s
    while not (value := condition()):
        assert monotonic() < end_s, "waited too long"
        sleep(0.01)
    return value


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
    """The functions above: modules can't import each other's conftest."""
    from types import SimpleNamespace

    return SimpleNamespace(ask=ask, admin=admin, until=until, settled=settled, paths=tuple(BODIES))
