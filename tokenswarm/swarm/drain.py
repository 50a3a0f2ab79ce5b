"""How a distributed run ends with nothing lost.

Locust's master waits half a second for last reports, so calls still in flight vanish. Here the master,
before it stops, tells its workers to drain; each lets its users finish the call that they are in, sends
Locust's statistics and our delta, and says so; the master goes on when all have, or time is up.

    master   test_stopping ──► DRAIN ─────────────────────────► wait ──► test_stop ──► quit
    worker                       └─► runner.stop(), report ──► DRAINED

A worker's run began when Locust's message reached it. So where a run has come to its planned end, a worker
may have open arrivals before it still; they come first.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner, WorkerRunner

from tokenswarm.swarm.conductor import Conductor
from tokenswarm.swarm.messages import DRAINED
from tokenswarm.swarm.sessions import session_of
from tokenswarm.swarm.worker_runner import FleetWorker

_DRAIN: Final = "tokenswarm_drain"
# What a worker may need, beyond its users' longest call, to add up and report.
_ANSWER_S: Final = 5.0
_POLL_S: Final = 0.02

logger = logging.getLogger(__name__)


class MasterDrain:
    """The master's side: asks, and waits for the answers."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._drained: dict[str, int] = {}  # Locust's client id → calls that it made
        runner.register_message(DRAINED, self._on_drained)

    def begin(self) -> None:
        """Forget the last run's answers."""
        self._drained.clear()

    def drain(self, conductor: Conductor, in_flight_s: float, *, has_finished: bool) -> int:
        """Wait until every worker that is left has drained; returns how many have not in time."""
        waiting = conductor.watch_workers()
        order = {"in_flight_s": in_flight_s, "has_finished": has_finished}
        for client_id in waiting - self._drained.keys():
            self._runner.send_message(_DRAIN, order, client_id)
        give_up_at_s = time.monotonic() + in_flight_s + _ANSWER_S
        while waiting - self._drained.keys():
            if time.monotonic() > give_up_at_s:
                logger.error("workers did not drain within %.0f s", in_flight_s + _ANSWER_S)
                break
            gevent.sleep(_POLL_S)
            waiting &= conductor.watch_workers() | self._drained.keys()
        for client_id, calls in self._drained.items():
            conductor.settle(client_id, calls)
        return len(waiting - self._drained.keys())

    def _on_drained(self, msg: Message, **_: Any) -> None:
        self._drained[msg.node_id] = msg.data["calls"]


class WorkerDrain:
    """The worker's side: drains when told to, or when the worker itself is made to quit."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._is_drained = False
        self.is_over = False  # all is reported
        runner.register_message(_DRAIN, self._on_drain, concurrent=True)

    def begin(self) -> None:
        """A new test starts: there is something to drain again."""
        self._is_drained = self.is_over = False

    def drain(self, in_flight_s: float, *, has_finished: bool = False) -> None:
        """Let calls end, report all that is left, and say so."""
        if self._is_drained:
            return
        self._is_drained = True
        load = session_of(self._environment).load
        if has_finished and load is not None:
            load.finish_schedule()
        self._environment.stop_timeout = in_flight_s
        self._runner.stop()
        # Locust sends its last report on "quit" only, when the master no longer listens.
        self._runner._send_stats()
        calls = load.calls if load is not None else 0
        self._runner.send_message(DRAINED, {"calls": calls})
        self.is_over = True
        if isinstance(self._runner, FleetWorker) and not self._runner.is_abandoned:
            self._runner.say(f"the run is over: {calls} calls were made here, and all are reported")
        # After "stop", Locust's worker sleeps for stop_timeout before it is ready for the next run.
        self._environment.stop_timeout = 0.0

    def _on_drain(self, msg: Message, **_: Any) -> None:
        self.drain(float(msg.data["in_flight_s"]), has_finished=msg.data["has_finished"])
