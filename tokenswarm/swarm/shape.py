"""Locust's shape, driven by the profile's stages, or by Locust's own options when there is no profile."""

from __future__ import annotations

from typing import Final

import gevent
from locust import LoadTestShape
from locust.runners import STATE_INIT

from tokenswarm.profile.pacing import StagePlan
from tokenswarm.swarm.sessions import session_of

_TICK_S: Final = 1.0  # how often Locust asks


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
        if session.plan.is_open_ended:
            options = environment.parsed_options
            assert options is not None
            if options.run_time and self.get_run_time() >= options.run_time:
                session.has_finished = True
                return None
            return (options.num_users or 1, options.spawn_rate or 1)
        if session.is_stopping:
            return (self.get_current_user_count(), 1)
        stages = session.plan.stages
        if self.runner.state != STATE_INIT:
            self._await_boundary(stages)
        elapsed_s = self.get_run_time()
        if elapsed_s >= stages.total_s:
            session.has_finished = True
            return None
        users = stages.users_at(elapsed_s)
        # In one batch: the profile's slope is in the ticks, not in Locust's spawn rate.
        return (users, max(1, abs(users - self.get_current_user_count())))

    def _await_boundary(self, stages: StagePlan) -> None:
        """Wait for a stage that begins before the next tick: a step must not be up to a second late."""
        elapsed_s = self.get_run_time()
        upcoming = [span.end_s - elapsed_s for span in stages.spans() if span.end_s > elapsed_s]
        if upcoming and upcoming[0] < _TICK_S:
            gevent.sleep(upcoming[0])
