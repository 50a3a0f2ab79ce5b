"""Monitors tried before the load: what is refused, and what is only said."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.watching import check_monitors
from tokenswarm.monitors.spec import LogSpec, LogValue, PageSpec, ProcessSpec, RedisSpec, Spec


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that is taken and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (Spec(process=ProcessSpec(pid=2**22 + 1)), "no process 4194305 runs on this machine"),
        (Spec(process=ProcessSpec(name="no-such-gateway")), "is called no-such-gateway"),
        (Spec(logs=(LogSpec("/nowhere/app.log", {"target_errors_total": LogValue("E")}),)), "No such file"),
    ],
)
def test_what_is_not_there_is_refused(spec: Spec, problem: str) -> None:
    """A wrong id, name or path is a mistake, and the message says what to do."""
    with pytest.raises(ConfigurationError) as raised:
        check_monitors(spec)
    assert problem in str(raised.value)


def test_what_does_not_answer_is_said(nobody: int, tmp_path: Path) -> None:
    """It may do so later: the run goes on."""
    log = tmp_path / "app.log"
    log.touch()
    spec = Spec(
        ProcessSpec(pid=os.getpid()),
        (PageSpec(f"http://127.0.0.1:{nobody}/metrics", {}),),
        (LogSpec(str(log), {"target_errors_total": LogValue("E")}),),
        RedisSpec(f"redis://127.0.0.1:{nobody}/0", {"redis_memory": "used_memory"}),
    )
    page, redis = check_monitors(spec)
    assert "Connection refused" in page
    assert "redis://127.0.0.1" in redis
    assert all("goes on without it" in warning for warning in (page, redis))
