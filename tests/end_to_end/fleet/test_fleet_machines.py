"""A run over machines that have addresses of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.end_to_end
CONNECT = "import socket; socket.create_connection(('10.77.0.1', 8000), timeout=1)"


def can_be_reached(within: tuple[str, ...]) -> bool:
    """Whether the target listens already."""
    command = [*within, sys.executable, "-c", CONNECT]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def test_three_machines_with_addresses_of_their_own(
    start: Callable, machines: Callable, profile: Callable, made_by: Callable
) -> None:
    """A master at all its addresses, a worker that comes by IPv4, one by IPv6, and a target."""
    target = start("mock", "gateway", "--host", "10.77.0.1", "--port", "8000", within=machines("a"))
    text = "stages: [{name: steady, duration: 3s, users: 6}]\nthink_time: 50ms\n"
    workers = [
        start("worker", "--master", "10.77.0.1", within=machines("b")),
        start("worker", "--master", "fd77::1", within=machines("c")),
    ]
    target.await_that(lambda: can_be_reached(machines("b")))
    master = start(
        *("run", profile(text), "--target", "http://10.77.0.1:8000", "--model", "mock"),
        *("--expect-workers", "2", "--bind-host", "::"),
        within=machines("a"),
    )
    done, ended = master.wait(), [worker.wait() for worker in workers]
    assert [worker.code for worker in ended] == [0, 0], [worker.err for worker in ended]
    assert done.code == 0 or done.is_starved, done.out + done.err
    made = [made_by(worker) for worker in ended]
    assert min(made) > 0
    assert done.counted() == sum(made)
    where = {event["where"].split(", ")[-1] for event in done.events("worker_joined")}
    assert where == {"::ffff:10.77.0.2", "fd77::3"} or where == {"10.77.0.2", "fd77::3"}
    assert "without password or encryption" in done.err
