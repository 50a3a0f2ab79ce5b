"""What this process knows of the run: one session for each Locust environment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from locust.env import Environment

from tokenswarm.errors import TokenswarmError
from tokenswarm.swarm.load import Load
from tokenswarm.swarm.plan import RunPlan

if TYPE_CHECKING:
    from tokenswarm.swarm.conductor import Conductor


logger = logging.getLogger(__name__)


@dataclass(slots=True, weakref_slot=True)
class Session:
    """`load` where users run (local, worker), `conductor` where the test is run from (local, master)."""

    new_plan: Callable[[], RunPlan]
    current_plan: RunPlan | None = None
    load: Load | None = None
    conductor: Conductor | None = None
    is_stopping: bool = False
    has_finished: bool = False
    abort_reason: str = ""  # the threshold that ended the run

    def make_plan(self) -> bool:
        """Plan a run by the options as they are now; False, with the reason in the log, if they are wrong.

        Anew for each run: the web UI may have changed the options, and no prompt is sent twice.
        """
        try:
            self.current_plan = self.new_plan()
        except TokenswarmError as error:
            logger.error("this run can't start: %s", error)  # noqa: TRY400 - the user's mistake, not ours
            return False
        return True

    @property
    def plan(self) -> RunPlan:
        """The plan; there is one from Locust's init on, on a worker from the start of the test."""
        assert self.current_plan is not None, "a plan is made before anything asks for it"
        return self.current_plan


_SESSIONS: WeakKeyDictionary[Environment, Session] = WeakKeyDictionary()


def open_session(environment: Environment, new_plan: Callable[[], RunPlan]) -> Session:
    """Begin the one session of this environment; `new_plan` plans a run by the options of the moment."""
    session = _SESSIONS[environment] = Session(new_plan)
    return session


def session_of(environment: Environment) -> Session:
    """The session of this environment."""
    return _SESSIONS[environment]
