"""Looks for what surroundings.py judges: programs on PATH, and servers at their usual ports."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import httpx
import redis

from tokenswarm.doctor.surroundings import Containers, Service, SurroundingFacts

_PATIENCE_S: Final = 2.0
_LONGEST_S: Final = 8.0
_REDIS: Final = "redis://127.0.0.1:6379"
_PROMETHEUS: Final = "http://127.0.0.1:9090"
_CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")
_ENGINES: Final = ("docker", "podman")


def look_around(redis_url: str = _REDIS, prometheus_url: str = _PROMETHEUS) -> SurroundingFacts:
    """Takes a moment; asks nobody but this machine."""
    return SurroundingFacts(
        redis=Service(redis_url, _redis_at(redis_url), _program("redis-server")),
        prometheus=Service(prometheus_url, _prometheus_at(prometheus_url), _program("prometheus")),
        containers=_containers(),
        chromium=_program(*_CHROMIUM),
    )


def _program(*names: str) -> str:
    return next(filter(None, map(shutil.which, names)), "")


def _redis_at(url: str) -> str:
    client = redis.Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)
    try:
        client.ping()
        return f"Redis {client.info('server')['redis_version']}"
    except redis.AuthenticationError:
        return "Redis with a password"
    except redis.RedisError:
        return ""
    finally:
        client.close()


def _prometheus_at(url: str) -> str:
    try:
        answer = httpx.get(f"{url}/api/v1/status/buildinfo", timeout=_PATIENCE_S, trust_env=False)
        return f"Prometheus {answer.json()['data']['version']}"
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return ""


def _containers() -> Containers:
    engine = _program(*_ENGINES)
    if not engine:
        return Containers("", "", "")
    server = _said(engine, "version", "--format", "{{.Server.Version}}")
    return Containers(Path(engine).name, server, _said(engine, "compose", "version", "--short"))


def _said(*command: str) -> str:
    """The first line of a command that succeeds, else nothing."""
    try:
        # A program of this system, arguments of our own; no shell.
        done = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().partition("\n")[0] if done.returncode == 0 else ""
