"""Locust users that send prompts: one kept connection an arm each, of either kind; one Locust row a call."""

from __future__ import annotations

import time
from typing import ClassVar

import gevent
from gevent.event import Event
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from tokenswarm.metrics.call import INTERRUPTED, CallRecord
from tokenswarm.swarm.load import SIZES
from tokenswarm.swarm.patience import MOST_ATTEMPTS, wait_s
from tokenswarm.swarm.sessions import session_of


class PromptUser(User):
    """Draws calls from the mix that its class shares with all its kind, makes one, pauses, and again."""

    abstract = True
    sizes: ClassVar[tuple[str, ...]] = SIZES
    is_default: ClassVar[bool] = True  # started when no class is named
    row = ""  # what Locust's rows begin with; the scenario, unless this says otherwise

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        load = session_of(environment).load
        if load is None:
            raise StopUser  # the run was refused, and the log says why
        self._load = load
        self.row = self.row or load.plan.scenario
        self._upcoming = load.upcoming(self.sizes)
        arms = (load.gateway, load.provider)
        self._connections = {arm.name: arm.speech.connect() for arm in arms if arm is not None}
        self._think_time = load.plan.profile.think_time
        self._stop_asked = Event()
        self._is_only_task = len(set(self.tasks)) == 1
        self.method = "WS" if load.gateway.speech.is_socket else "POST"

    def on_start(self) -> None:
        """Not at all, if the user was stopped before its greenlet ran."""
        if self._stop_asked.is_set():
            raise StopUser

    def wait_time(self) -> float:
        """Pauses itself, so that a stop can end the pause; what is left for Locust to sleep is nothing."""
        if self._load.arrivals is not None:
            return 0.0  # the next arrival is waited for as part of the task
        pause_s = self._think_time.next(self._load.rng)
        if pause_s > 0:
            self._stop_asked.wait(pause_s)
        return 0.0

    def stop(self, force: bool = False) -> bool:
        """Stop before the next call; with `force`, in the middle of this one.

        Locust kills a user that it finds waiting. If the pause ends in the same turn of the hub, the kill
        comes when the next call is already out, and cuts it.
        """
        if force:
            return bool(super().stop(force=True))
        self._state = LOCUST_STATE_STOPPING
        self._stop_asked.set()
        if self._load.arrivals is not None and self.greenlet is not None:
            self._load.arrivals.release(self.greenlet)
        return False

    def on_stop(self) -> None:
        """Free the socket; a user that stopped leaves none behind."""
        for connection in self._connections.values():
            connection.close()
        self._load.ended.finish_all()  # before Locust takes its statistics for the last time

    @task
    def send_prompt(self) -> None:
        """Call after call until the user is to stop; a single one where a subclass has tasks beside this.

        Locust's own way from one task to the next costs as much as all that we do for a call.
        """
        self._make_call()
        while self._is_only_task and not self._stop_asked.is_set():
            self.wait_time()
            if not self._stop_asked.is_set():
                self._make_call()

    def _make_call(self) -> None:
        """One call, whatever becomes of it, is one record and one row of Locust's."""
        load = self._load
        due_at_s = time.monotonic() if load.arrivals is None else load.arrivals.wait()
        if due_at_s is None:
            raise StopUser
        if load.arrivals is None and not load.may_call(due_at_s):
            self._stop_asked.wait()
            raise StopUser
        ready = self._upcoming.next()
        connection = self._connections[ready.arm]
        record: CallRecord | None = ready.record
        try:
            for attempt in range(1, MOST_ATTEMPTS + 1):
                if record is None:
                    record = load.new_record(ready.kind)
                load.due(record, due_at_s)
                connection.ask(ready.request, record)
                if not load.is_patient or record.outcome != "rate_limited" or attempt == MOST_ATTEMPTS:
                    break
                if self._stop_asked.wait(wait_s(record.headers, attempt, time.time())):
                    record.outcome = INTERRUPTED  # it is we who have no time left to try again
                    break
                load.count_refusal(record)
                record = None
        finally:
            # Also when the greenlet is killed in mid-call: the target has seen this call.
            if record is not None and record.ended_at_s is not None:
                load.ended.add(record, self)
        if record is not None and not record.is_success:
            gevent.sleep(0)  # one that failed at once never waited, and others want their turn


class SocketUser(PromptUser):
    """The same over a WebSocket: as many connections as users, opened by the first call, held to the end.

    While a user pauses its connection stays open, and answers pings.
    """

    abstract = True
    row = "socket"
