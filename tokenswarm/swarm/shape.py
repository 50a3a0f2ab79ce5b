"""Locust's shape, driven by the profile's stages, or by Locust's own options when there is no profile."""

from __future__ import annotations

from typing import Final

import gevent
from locust import LoadTestShape
from locust.runners import STATE_INIT

from tokenswarm.swarm.plan import RunPlan
from tokenswarm.swarm.sessions import session_of

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
        if self.runner.state == STATE_INIT and not session.make_plan():
            return None
        plan = session.plan
        if plan.is_open_ended:
            options = environment.parsed_options
            assert options is not None
            if options.run_time and self.get_run_time() >= options.run_time:
                session.has_finished = True
                return None
            return (options.num_users or 1, options.spawn_rate or 1)
        if session.is_stopping:
            return (self.get_current_user_count(), 1)
        if self.runner.state != STATE_INIT:
            self._await_boundary(plan)
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

    def _await_boundary(self, plan: RunPlan) -> None:
        """Wait for a stage that begins before the next tick: a step must not be up to a second late."""
        elapsed_s = self._elapsed_s(plan)
        ends_s = [span.end_s for span in plan.stages.spans()[:-1]] + [_end_s(plan)]
        upcoming = [end_s - elapsed_s for end_s in ends_s if end_s > elapsed_s]
        if not upcoming or upcoming[0] >= _TICK_S:
            return
        # The ramp goes on while we wait, so its present value is set as Locust would set it.
        assert self.runner is not None
        wanted = self._wanted(plan)
        if self.runner.shape_last_tick is not None and wanted[0] != self.runner.shape_last_tick[0]:
            self.runner.start(*wanted)
            self.runner.shape_last_tick = wanted
        gevent.sleep(max(0.0, upcoming[0] - (self._elapsed_s(plan) - elapsed_s)))


def _end_s(plan: RunPlan) -> float:
    return plan.total_s + (_TAIL_S if plan.is_open else 0.0)
