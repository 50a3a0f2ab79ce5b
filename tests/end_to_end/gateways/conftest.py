"""Real gateways on loopback, each in front of a mock provider that knows the truth of every call."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tokenswarm.loopback import free_port
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from ...until import until

PROJECT = Path(__file__).parents[3]
LITELLM = Path(os.environ.get("TOKENSWARM_LITELLM", PROJECT / ".venv-litellm/bin/litellm"))
LITELLM_KEY = "sk-only-for-this-test-0123456789abcdef"
READY_S = 120


@contextlib.contextmanager
def running(command: list[str], log: Path, is_ready: Callable[[], bool], **environ: str) -> Iterator[None]:
    """A server, from the moment that it answers to the end of the block."""
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            env={**os.environ, **environ},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:

        def look() -> bool:
            assert server.poll() is None, log.read_text()
            return is_ready()

        until(look, within_s=READY_S, every_s=0.1, said=log.read_text)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(url: str) -> Callable[[], bool]:
    """Whether a GET of this URL gets an answer by now."""

    def ask() -> bool:
        try:
            return httpx.get(url, timeout=2).status_code < 500
        except httpx.HTTPError:
            return False

    return ask


@pytest.fixture(scope="session")
def provider_logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The truth logs of the primary and the secondary."""
    folder = tmp_path_factory.mktemp("providers")
    return folder / "primary.jsonl", folder / "secondary.jsonl"


@pytest.fixture(scope="session")
def providers(provider_logs: tuple[Path, Path]) -> Iterator[tuple[MockProcess, MockProcess]]:
    """A primary and a secondary, each with its truth log."""
    # The stamp makes no two answers the same, so that a cache which mixes them up is found out.
    pace: dict[str, Any] = {"ttft": "40", "itl": "4", "tokens": "15", "orders": ("stamp=1",)}
    with (
        MockProcess(MockOptions(**pace, truth_log=provider_logs[0])) as primary,
        MockProcess(MockOptions(**pace, truth_log=provider_logs[1])) as secondary,
    ):
        yield primary, secondary


@pytest.fixture(scope="session")
def litellm(
    providers: tuple[MockProcess, MockProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a LiteLLM proxy with a local cache, and with the secondary provider as its fallback."""
    if not LITELLM.is_file():
        pytest.skip("LiteLLM is not installed: `make test-gateways` does it")
    folder = tmp_path_factory.mktemp("litellm")
    port = free_port()
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": "openai/mock",
                    "api_base": f"{provider.url}/v1",
                    "api_key": "none",
                },
            }
            for name, provider in zip(("primary", "secondary"), providers, strict=True)
        ],
        "litellm_settings": {
            "cache": True,
            "cache_params": {"type": "local"},
            "fallbacks": [{"primary": ["secondary"]}],
            "num_retries": 0,
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [str(LITELLM), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running(
        [*command, "--num_workers", "1", "--telemetry", "False"],
        folder / "litellm.log",
        answers(f"{url}/health/liveliness"),
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_MASTER_KEY=LITELLM_KEY,
        PYTHONPATH="",
    ):
        yield url


NGINX = """
daemon off;
worker_processes 1;
user {user};
error_log stderr;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_cache_path cache keys_zone=answers:10m;
    upstream providers {{
        server {primary};
        server {secondary} backup;
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{port};
        client_body_buffer_size 1m;
        location /healthz {{ return 200; }}
        location / {{
            proxy_pass http://providers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering on;
            proxy_cache answers;
            proxy_cache_methods POST;
            proxy_cache_key $request_body;
            proxy_cache_valid 200 1m;
            proxy_next_upstream error timeout http_503 non_idempotent;
            add_header X-Cache-Status $upstream_cache_status always;
            add_header X-Upstream-Addr $upstream_addr always;
            add_header X-Upstream-Status $upstream_status always;
            add_header X-Upstream-Header-Time $upstream_header_time always;
        }}
        location /unbuffered/ {{
            proxy_pass http://providers/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            add_header X-Upstream-Addr $upstream_addr always;
            add_header X-Upstream-Header-Time $upstream_header_time always;
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx_before(primary: MockProcess, secondary: MockProcess, folder: Path) -> Iterator[str]:
    """The URL of an nginx that goes to the secondary provider when the primary fails."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    addresses = {
        "primary": primary.url.removeprefix("http://"),
        "secondary": secondary.url.removeprefix("http://"),
    }
    (folder / "nginx.conf").write_text(NGINX.format(user=getpass.getuser(), port=port, **addresses))
    url = f"http://127.0.0.1:{port}"
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with running(command, folder / "nginx.log", answers(f"{url}/healthz")):
        yield url


@pytest.fixture(scope="session")
def nginx(
    providers: tuple[MockProcess, MockProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an nginx that caches answers by the request's body, and streams under /unbuffered/."""
    with nginx_before(*providers, tmp_path_factory.mktemp("nginx")) as url:
        yield url
