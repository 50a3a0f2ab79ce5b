"""Locust's master, but it takes only workers that fit, and nothing that a peer sends can end it.

A worker introduces itself in Locust's own first message. One that doesn't fit is told why and never becomes
a worker; who never introduced himself is not listened to at all.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import locust.argument_parser
import locust.runners
from locust import __version__ as locust_version
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner

from tokenswarm.errors import TokenswarmError
from tokenswarm.swarm.introduction import REFUSED, Introduction, differences
from tokenswarm.swarm.locust_stats import tame
from tokenswarm.swarm.master_socket import MasterSocket
from tokenswarm.swarm.messages import problem_in
from tokenswarm.swarm.options import profile_hash_of
from tokenswarm.voice import say

_MOST_WORKERS: Final = 5_000  # that ever came
_MOST_REFUSALS: Final = 20  # that are told of: a worker that can't get in may try for ever
_MOST_EXCEPTIONS: Final = 200
# Beside custom ones, Locust's worker looks at these options of the master.
_ALSO_SENT: Final = frozenset({"expect_workers", "tags", "exclude_tags"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A worker that was taken."""

    introduction: Introduction
    address: str  # its end of the connection, as we see it

    def __str__(self) -> str:
        host = self.introduction.host
        return f"{host}, {self.address}" if self.address and self.address != host else host


class FleetMaster(MasterRunner):
    """The runner of a master. `rejected` tells the run of messages of workers that could not be taken."""

    def __init__(
        self, environment: Environment, scenario: str, *, master_bind_host: str, master_bind_port: int
    ):
        self._own = Introduction.own(scenario, environment.parsed_locustfiles or ())
        self.members: dict[str, Member] = {}
        self.refusals: dict[str, str] = {}  # who → why, the first of them
        self.strangers = 0  # messages of peers that are no workers
        self.on_rejected: Callable[[str, str], None] | None = None  # client id, what is wrong
        self.plan_to_send: Callable[[], dict[str, Any]] | None = None
        super().__init__(environment, master_bind_host, master_bind_port)
        self._listen_to_sending()

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Locust's, for messages that it can bear."""
        if msg.type == "client_ready":
            if not self._takes(client_id, msg.data):
                return
            msg.data = locust_version
        elif client_id not in self.members:
            self.strangers += 1
            return
        elif problem := problem_in(msg.type, msg.data):
            self.reject(client_id, problem)
            return
        elif msg.type == "stats":
            tame(msg.data, self.stats, _locust_time_s())
        elif msg.type == "logs":
            msg.data["worker_id"] = client_id
        elif msg.type == "exception" and len(self.exceptions) >= _MOST_EXCEPTIONS:
            return
        try:
            super().handle_message(client_id, msg)
        except Exception as error:  # whatever it is, the other workers must still be heard
            logger.exception("a worker's message could not be handled")
            self.reject(client_id, f"{msg.type}: {error!r:.200}")

    def reject(self, client_id: str, problem: str) -> None:
        """Count a message of a worker that can't be taken."""
        if self.on_rejected is not None:
            self.on_rejected(client_id, problem)

    def reset_connection(self) -> None:
        """Locust's makes a new socket."""
        super().reset_connection()
        self._listen_to_sending()

    @property
    def dropped(self) -> int:
        """What came to the port from others than workers, or had no form at all."""
        return self.strangers + self._socket.dropped

    @property
    def _socket(self) -> MasterSocket:
        return cast(MasterSocket, self.server)

    def _takes(self, client_id: str, data: Any) -> bool:
        if client_id in self.members:
            return True  # it says that it is ready again, after a run or because our answer was slow
        introduction = Introduction.from_wire(data)
        member = Member(introduction, self._socket.addresses.get(client_id, ""))
        why = differences(self._introduction(introduction), introduction)
        if not why and len(self.members) >= _MOST_WORKERS:
            why = f"{_MOST_WORKERS} workers have come already"
        if why:
            self._refuse(client_id, member, why)
            return False
        self.members[client_id] = member
        return True

    def _introduction(self, worker: Introduction) -> Introduction:
        if not worker.profile:
            return self._own
        try:
            return self._own.with_profile(profile_hash_of(self.environment))
        except TokenswarmError:
            return self._own

    def _refuse(self, client_id: str, member: Member, why: str) -> None:
        who = str(member) or "a peer"
        if who not in self.refusals and len(self.refusals) < _MOST_REFUSALS:
            self.refusals[who] = why
            logger.warning("refused a worker (%s): %s", who, why)
            say(f"refused a worker ({who}): {why}")
        self.send_message(REFUSED, {"why": why}, client_id)

    def _listen_to_sending(self) -> None:
        self._socket.on_send = self._before_sending

    def _before_sending(self, message: Message) -> None:
        """Send no more of our options than a worker looks at, and the plan as it is at this moment."""
        if message.type != "spawn":
            return
        known = _default_options()
        options = message.data["parsed_options"]
        sent = {name: value for name, value in options.items() if name not in known or name in _ALSO_SENT}
        if self.plan_to_send is not None:
            sent |= self.plan_to_send()
        message.data = {**message.data, "parsed_options": sent}


def _locust_time_s() -> float:
    # Of its own clock, which swarm/steady_time.py may have put there.
    return float(vars(locust.runners)["time"].time())


@functools.cache
def _default_options() -> frozenset[str]:
    # It builds Locust's whole parser, a tenth of a second.
    return frozenset(locust.argument_parser.default_args_dict())
