"""Locust's shape, driven by the profile's stages, or by Locust's own options when there is no profile."""

from __future__ import annotations

from typing import Final

import gevent
from locust import LoadTestShape
from locust.runners import STATE_INIT

from tokenswarm.swarm.plan import RunPlan
from tokenswarm.swarm.sessions import Session, session_of

_TICK_S: Final = 1.0  # how often Locust asks
# Open arrivals are timed on the workers, whose run begins when Locust's message has reached them.
_TAIL_S: Final = 0.3


class ProfileShape(LoadTestShape):
    """Users over time. Subclass it in a locustfile, empty, so that Locust finds it there."""

    abstract = True
    # Without --load-profile, --users, --spawn-rate and --run-time mean what they mean in Locust.
    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """Users wanted now and how fast to get there; None ends the run."""
        assert self.runner is not None
        environment = self.runner.environment
        session = session_of(environment)
        if self.runner.state == STATE_INIT:
            if not session.make_plan():
                return None
            self.reset_time()  # what planning took is no part of the first stage
        plan = session.plan
        if plan.is_open_ended:
            options = environment.parsed_options
            assert options is not None
            if options.run_time and self.get_run_time() >= options.run_time:
                session.has_finished = True
                return None
            return (options.num_users or 1, options.spawn_rate or 1)
        self._await_boundaries(plan, session)
        if session.is_stopping:
            # What Locust knows already: anything else would start users among those that are draining.
            last = self.runner.shape_last_tick
            return (self.get_current_user_count(), 1) if last is None else (last[0], last[1])
        if self._elapsed_s(plan) >= _end_s(plan):
            session.has_finished = True
            return None
        return self._wanted(plan)

    def _elapsed_s(self, plan: RunPlan) -> float:
        return float(self.get_run_time()) - plan.lead_s

    def _wanted(self, plan: RunPlan) -> tuple[int, float]:
        users = plan.users if plan.users is not None else plan.stages.users_at(self._elapsed_s(plan))
        # In one batch: the profile's slope is in the ticks, not in Locust's spawn rate.
        return (users, max(1, abs(users - self.get_current_user_count())))

    def _await_boundaries(self, plan: RunPlan, session: Session) -> None:
        """Be there when stages change before the next tick: no step is late, and no short stage left out."""
        next_tick_s = self._elapsed_s(plan) + _TICK_S
        for boundary_s in [*(span.end_s for span in plan.stages.spans()[:-1]), _end_s(plan)]:
            if session.is_stopping or boundary_s >= next_tick_s:
                return
            if boundary_s > self._elapsed_s(plan):
                self._set_users(self._wanted(plan))
                gevent.sleep(max(0.0, boundary_s - self._elapsed_s(plan)))

    def _set_users(self, wanted: tuple[int, float]) -> None:
        """What Locust does with a tick: the ramp goes on while we wait, and a stage may have just begun."""
        assert self.runner is not None
        last = self.runner.shape_last_tick
        if last is None or wanted[0] != last[0]:
            self.runner.start(*wanted)
            self.runner.shape_last_tick = wanted


def _end_s(plan: RunPlan) -> float:
    return plan.total_s + (_TAIL_S if plan.is_open else 0.0)
