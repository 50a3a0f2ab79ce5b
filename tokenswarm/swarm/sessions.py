"""What this process knows of the run: one session for each Locust environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from locust.env import Environment

from tokenswarm.swarm.load import Load
from tokenswarm.swarm.plan import RunPlan

if TYPE_CHECKING:
    from tokenswarm.swarm.conductor import Conductor


@dataclass(slots=True, weakref_slot=True)
class Session:
    """`load` where users run (local, worker), `conductor` where the test is run from (local, master)."""

    scenario: str
    current_plan: RunPlan | None = None
    load: Load | None = None
    conductor: Conductor | None = None
    is_stopping: bool = False
    has_finished: bool = False

    @property
    def plan(self) -> RunPlan:
        """The plan; there is one from Locust's init on, on a worker from the start of the test."""
        assert self.current_plan is not None, "a plan is made before anything asks for it"
        return self.current_plan

    @property
    def running_load(self) -> Load:
        """The load; there is one from the start of the test on."""
        assert self.load is not None, "users are started after the test"
        return self.load


_SESSIONS: WeakKeyDictionary[Environment, Session] = WeakKeyDictionary()


def open_session(environment: Environment, scenario: str) -> Session:
    """Begin the one session of this environment."""
    session = _SESSIONS[environment] = Session(scenario)
    return session


def session_of(environment: Environment) -> Session:
    """The session of this environment."""
    return _SESSIONS[environment]
