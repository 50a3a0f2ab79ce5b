"""Locust's worker, but it says what it is, leaves when it is refused, and stops when its master is gone.

Locust's own would load the target for a minute after the last word of its master.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Final, NoReturn

import gevent
import zmq.green as zmq
from gevent.event import Event
from locust.env import Environment
from locust.rpc import Message
from locust.runners import WorkerRunner

from tokenswarm.errors import ExitCode, TokenswarmError
from tokenswarm.swarm.introduction import REFUSED, Introduction
from tokenswarm.swarm.messages import MOST_REASON, UNFIT
from tokenswarm.swarm.options import profile_hash_of
from tokenswarm.voice import say

# The master answers a heartbeat each second. After this silence no call is begun, and a second later those
# in flight are cut: together within 10 s of the master's end, and a connection may be gone for 7 s.
_SILENCE_S: Final = 8.5
_CUT_AFTER_S: Final = 1.0
_LOOK_S: Final = 0.2
_KNOCK_S: Final = 2.0  # how often we introduce ourselves until the master answers

_FIRST_LINE: Final = "tokenswarm worker:"


class FleetWorker(WorkerRunner):
    """The runner of a worker."""

    def __init__(
        self, environment: Environment, scenario: str, *, master_host: str, master_port: int
    ) -> None:
        options = environment.parsed_options
        assert options is not None
        # What `tokenswarm run --workers` forks has nothing to say to anybody.
        self._is_quiet = bool(options.processes)
        self._max_wait_s: float = options.master_max_wait
        self._has_begun = False  # a run
        self.has_listeners = Event()  # that a run can begin
        self.is_abandoned = False
        self._heard_at_s = time.monotonic()
        self._address = (
            f"[{master_host}]:{master_port}" if ":" in master_host else f"{master_host}:{master_port}"
        )
        try:
            self._introduction = Introduction.own(
                scenario, environment.parsed_locustfiles or (), profile_hash_of(environment)
            )
        except TokenswarmError as error:
            self._say(str(error), always=True)
            sys.exit(error.exit_code)
        super().__init__(environment, master_host, master_port)

    def connect_to_master(self) -> None:
        """Introduce ourselves until the master takes us."""
        give_up_at_s = time.monotonic() + self._max_wait_s
        while not self.connected:
            self.client.send(Message("client_ready", self._introduction.to_wire(), self.client_id))
            self.connected = self.connection_event.wait(timeout=_KNOCK_S)
            if not self.connected and time.monotonic() > give_up_at_s:
                self._say(f"no tokenswarm master answered at {self._address}", always=True)
                self._forget_unsent()
                sys.exit(ExitCode.BAD_CONFIGURATION)
        self._heard_at_s = time.monotonic()
        self._say(f"joined the master at {self._address} as worker-{self.worker_index + 1}")

    def handle_message(self, msg: Message) -> None:
        """Locust's; and a refusal ends us."""
        self._heard_at_s = time.monotonic()
        if msg.type == REFUSED:
            self._say(f"refused by the master at {self._address}: {_why(msg.data)}", always=True)
            self._end(ExitCode.BAD_CONFIGURATION)
            return
        if msg.type == "spawn":
            # The master of a run that goes on sends it right behind its answer to our introduction, and
            # Locust would start the test before anybody listens to its start.
            self.has_listeners.wait()
            self._has_begun = True
        elif msg.type == "quit" and not self._has_begun:
            self._say("the master ended before a run began")
            self.environment.process_exit_code = ExitCode.INCONCLUSIVE
        super().handle_message(msg)

    def heartbeat_timeout_checker(self) -> NoReturn:
        """Instead of Locust's: stop when the master is gone, however busy it was when it went."""
        while time.monotonic() - self._heard_at_s < _SILENCE_S:
            gevent.sleep(_LOOK_S)
        self._say(
            f"nothing was heard of the master at {self._address} for {_SILENCE_S:g} s: stopped."
            " What was measured here since then is in no report",
            always=True,
        )
        self.is_abandoned = True
        self.environment.process_exit_code = ExitCode.INCONCLUSIVE
        self.environment.stop_timeout = _CUT_AFTER_S
        self._forget_unsent()
        self.quit()
        raise gevent.GreenletExit

    def say(self, line: str) -> None:
        """Tell whoever started this worker by hand."""
        self._say(line)

    def give_up(self, reason: str) -> None:
        """Take no part in this run; the process ends with the master's."""
        self._say(f"this machine can't take part: {reason}", always=True)
        self.environment.process_exit_code = ExitCode.BAD_CONFIGURATION
        self.send_message(UNFIT, {"reason": reason[:MOST_REASON]})

    def _say(self, line: str, *, always: bool = False) -> None:
        if always or not self._is_quiet:
            say(f"{_FIRST_LINE} {line}")

    def _forget_unsent(self) -> None:
        # Else the process would wait at its end for somebody to take it.
        self.client.socket.setsockopt(zmq.LINGER, 0)

    def _end(self, code: ExitCode) -> None:
        """End the process from any greenlet; Locust's main one may be waiting for something else."""
        self._forget_unsent()
        hub = gevent.get_hub()
        hub.loop.run_callback(hub.parent.throw, SystemExit(int(code)))


def _why(data: Any) -> str:
    return str(data.get("why", "no reason given")) if isinstance(data, dict) else "no reason given"
