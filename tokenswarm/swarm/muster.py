"""Waits for the workers that a run needs, says who has come, and gives up where Locust would not say why."""

from __future__ import annotations

import time
from typing import Final

import gevent
from locust.env import Environment

from tokenswarm.errors import ExitCode
from tokenswarm.swarm.master_runner import FleetMaster
from tokenswarm.voice import say

_LOOK_S: Final = 0.2
_SAY_S: Final = 10.0
_LOCUST_LATER_S: Final = 30  # it gives up by itself as well, and says nothing but that


def muster(environment: Environment, runner: FleetMaster) -> None:
    """Begin to wait, where workers of other machines are expected before a run begins by itself."""
    options = environment.parsed_options
    if options is None or not options.headless or options.processes or not options.expect_workers_max_wait:
        return
    max_wait_s = float(options.expect_workers_max_wait)
    options.expect_workers_max_wait += _LOCUST_LATER_S
    gevent.spawn(_wait, runner, options.expect_workers, max_wait_s)


def _wait(runner: FleetMaster, expected: int, max_wait_s: float) -> None:
    began_s = said_s = time.monotonic()
    count = -1
    while (came := len(runner.clients.ready)) < expected:
        now_s = time.monotonic()
        if came != count or now_s - said_s >= _SAY_S:
            count, said_s = came, now_s
            say(f"waiting for workers: {came} of {expected} here{_named(runner)}")
        if now_s - began_s >= max_wait_s:
            _give_up(runner, came, expected, max_wait_s)
            return
        gevent.sleep(_LOOK_S)
    say(f"all {expected} workers are here{_named(runner)}")


def _give_up(runner: FleetMaster, came: int, expected: int, max_wait_s: float) -> None:
    say(
        f"tokenswarm: only {came} of {expected} workers came within {max_wait_s:g} s{_named(runner)}; nothing"
        " was loaded. Start the others with"
        f" `tokenswarm worker --master HOST --port {runner.master_bind_port}`, wait longer with"
        " --expect-workers-max-wait, or expect fewer"
    )
    for who, why in runner.refusals.items():
        say(f"tokenswarm: {who} came and was refused: {why}")
    runner.quit()
    # Locust's main greenlet still waits for workers; nothing else ends it.
    hub = gevent.get_hub()
    hub.loop.run_callback(hub.parent.throw, SystemExit(int(ExitCode.BAD_CONFIGURATION)))


def _named(runner: FleetMaster) -> str:
    present = [member for client_id, member in runner.members.items() if client_id in runner.clients]
    return f" ({'; '.join(map(str, present[:20]))})" if present else ""
