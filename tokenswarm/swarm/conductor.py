"""The node that runs the test: it adds up what workers report, watches them, and keeps the run folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import gevent
from locust.runners import STATE_MISSING, LocalRunner, MasterRunner

from tokenswarm.metrics.catalogue import MONITORED_SHARES
from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.kept_samples import KeptSamples
from tokenswarm.metrics.measurements import ANY_ARM, ANY_OUTCOME
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.source import Selector
from tokenswarm.metrics.standing import Standing
from tokenswarm.swarm.abort_watch import AbortWatch
from tokenswarm.swarm.actions import Actions
from tokenswarm.swarm.console import Console, Glance
from tokenswarm.swarm.locust_bounds import prune
from tokenswarm.swarm.master_runner import FleetMaster
from tokenswarm.swarm.merge import Merge
from tokenswarm.swarm.monitoring import Monitoring
from tokenswarm.swarm.outlets import Outlets
from tokenswarm.swarm.own_gauges import OwnGauges
from tokenswarm.swarm.plan import RunPlan, ShareChange
from tokenswarm.swarm.ration import Ration
from tokenswarm.swarm.recorder import SETTLE_S, Recorder
from tokenswarm.swarm.roster import LOCAL, Roster, Worker, calls_in
from tokenswarm.swarm.sent_prompts import PROMPTS, SentPrompts
from tokenswarm.swarm.sessions import Session
from tokenswarm.swarm.standing import standing_of
from tokenswarm.voice import say

CPU: Final = "tokenswarm_cpu"  # our key in Locust's report from worker to master
SOCKETS: Final = "tokenswarm_sockets"  # how many WebSockets the worker has open
LAST_CALL: Final = "tokenswarm_last_call"  # when the worker's last call ended, since the run's start
MEMBERS: Final = "tokenswarm_members"  # who shares open arrivals from a given time of the run on
_SKEW_S: Final = 5.0  # a worker's run may have begun that much before ours, and its clock can't be seen
_NOTICE_S: Final = 2.0  # ahead of the change, so that it reaches all workers before it happens
_BEAT_S: Final = 0.5
_SAMPLE_S: Final = 1.0
_PRUNE_S: Final = 30.0

logger = logging.getLogger(__name__)


class Conductor:
    """One run, from the start of the test to the closed run folder."""

    def __init__(
        self,
        session: Session,
        runner: LocalRunner | MasterRunner,
        folder: Path | None,
        console: Console | None,
        outlets: Outlets | None = None,
    ) -> None:
        self._session = session
        self._runner = runner
        self._plan: RunPlan = session.plan
        self._folder = folder
        # Only workers' reports of one interval arrive at different times.
        plan = self._plan
        settle_s = SETTLE_S + plan.report_interval_s if isinstance(runner, MasterRunner) else 0.0
        ration = Ration(None if plan.is_open_ended else plan.total_s)
        self._recorder = Recorder(folder, settle_s, ration) if folder is not None else None
        self._abort_watch = AbortWatch(plan.thresholds, plan.stage_spans(), plan.width_s)
        self._console = console
        self._started_at_s = time.monotonic() + self._plan.lead_s
        self._stages = self._plan.stages
        self._stage = ""
        self._sampled_at_s = -_SAMPLE_S
        self._pruned_at_s = 0.0
        self.roster = Roster()
        self._present: set[str] = set()
        self._is_uneven = False  # whether a worker may have no users, because it has just come
        self._changes: list[ShareChange] = []
        self._prompts: dict[str, SentPrompts] = {}  # by worker, as each last told
        self._wire = plan.to_wire()
        self._ended_s: float | None = None  # where a counted stage ended, before we noticed
        self._closed_at_s: float | None = None
        self.merge = Merge(plan.stage_spans(), self._recorder, self._abort_watch, plan.width_s)
        live = (*MONITORED_SHARES, *(line.subject.metric for line in plan.thresholds))
        self._live_samples = KeptSamples(live, self.merge.totals)
        if isinstance(runner, LocalRunner):
            self.roster.add(LOCAL, LOCAL)
        self._event(
            "started",
            workers=len(runner.clients) if isinstance(runner, MasterRunner) else 1,
            monotonic_s=round(self._started_at_s, 6),  # what others on this machine noted can be told by it
        )
        self._actions = Actions(self._plan, self._started_at_s, self._event)
        self._influx = outlets.begin(self.standing) if outlets is not None else None
        if self._influx is not None:
            self.merge.on_delta = self._influx.absorb
        if outlets is not None and outlets.problem:
            self._event("unserved", problem=outlets.problem)
        self._monitoring = (
            Monitoring(plan, self._started_at_s, self._take_sample, self._absorb_monitored, self._event)
            if self._recorder is not None
            else None
        )
        self._gauges = OwnGauges(plan, self.roster, self._take_sample)
        self._loop = gevent.spawn(self._run)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the test started."""
        return time.monotonic() - self._started_at_s

    def standing(self) -> Standing:
        """How the run stands now."""
        return standing_of(
            self._plan,
            self._runner,
            self.roster,
            self.merge,
            self._monitoring.standings() if self._monitoring is not None else (),
            run=self._folder.name if self._folder is not None else "",
            elapsed_s=self.elapsed_s if self._closed_at_s is None else self._closed_at_s,
            is_stopping=self._session.is_stopping,
            is_closed=self._closed_at_s is not None,
        )

    def absorb_report(self, client_id: str, data: Mapping[str, Any]) -> None:
        """Take what a worker measured."""
        worker, elapsed_s = self._worker(client_id), self.elapsed_s
        if CPU in data:
            worker.cores = data[CPU]
            worker.sockets = data.get(SOCKETS, 0)
            worker.last_call_s = data.get(LAST_CALL, 0.0)
        try:
            if data.get(PROMPTS) is not None:
                self._prompts[client_id] = SentPrompts.from_wire(data[PROMPTS])
            delta = self.merge.read_report(data, elapsed_s + _SKEW_S)
        except ValueError as error:
            self.reject(client_id, str(error))
            return
        if delta is None:
            return
        worker.calls += calls_in(delta)
        worker.reported_s = elapsed_s
        if self._closed_at_s is None:
            self.merge.absorb(delta, elapsed_s)
        elif self._folder is not None and delta.series:
            # Deltas add up, so even now nothing is lost; but the totals shown so far lacked it.
            logger.error("%s reported after the run was closed", worker.name)
            late = Recorder(self._folder)
            late.absorb(delta)
            late.event(elapsed_s, "late_report", worker=worker.name)
            late.close()

    def reject(self, client_id: str, problem: str) -> None:
        """Count a worker's message that can't be taken: whatever was in it is missing."""
        worker = self._worker(client_id)
        worker.rejected += 1
        if worker.rejected == 1:
            logger.error("a message of %s can't be taken: %s", worker.name, problem)
            self._event("rejected", **worker.facts(), problem=problem)

    def unfit(self, client_id: str, reason: str) -> None:
        """A worker can't take part: without its share this is not the planned load."""
        worker = self._worker(client_id)
        self._event("worker_unfit", **worker.facts(), reason=reason)
        line = f"{worker.name} ({worker.where}) can't take part: {reason}"
        say(line)
        if not self._session.abort_reason:
            self._abort(line)

    def settle(self, client_id: str, calls: int) -> None:
        """Compare the calls that a worker says it made with those that came in its reports."""
        worker = self._worker(client_id)
        if calls != worker.calls:
            self._event("calls_missing", **worker.facts(), made=calls)

    def plan_on_wire(self) -> dict[str, Any]:
        """The plan as it is at this moment, for a worker that is about to begin."""
        changes = [asdict(change) for change in self._changes]
        return {**self._wire, "elapsed_s": self.elapsed_s + self._plan.lead_s, "changes": changes}

    def stopping(self) -> None:
        """Mark why the run ends; what is in flight is still to come."""
        session = self._session
        self._actions.stop()
        self.watch_workers()
        if self.roster.lost and not self._present and not session.has_finished and not session.abort_reason:
            session.abort_reason = "every worker was lost"
        reason = "aborted" if session.abort_reason else "finished" if session.has_finished else "interrupted"
        self._event("stopped", at_s=self._ended_s, reason=reason, detail=session.abort_reason)
        if self._monitoring is not None:
            self._monitoring.stop()
        if self._recorder is not None:
            # Who is killed while draining must not lose what was there before.
            self.merge.pass_on()
            self._recorder.flush_all()

    def watch_workers(self) -> set[str]:
        """Client ids of the workers that are still there; those that went are recorded as lost."""
        runner, roster = self._runner, self.roster
        if not isinstance(runner, FleetMaster):
            return set()
        present = {id_ for id_, node in runner.clients.items() if node.state != STATE_MISSING}
        before, self._present = self._present, present
        for client_id in sorted(present, key=runner.get_worker_index):
            if client_id not in roster:
                self._worker(client_id)
        for worker in roster.absent(present):
            worker.is_lost = True
            logger.error("%s (%s) was lost: the run is not whole", worker.name, worker.where)
            self._event("worker_lost", **worker.facts())
        for worker in roster.back(present):
            worker.is_lost = False
            self._event("worker_returned", worker=worker.name)
        if before and before != present and not self._session.is_stopping:
            self._is_uneven = True
            if self._plan.is_open and present:
                self._share_out(present)
        if self._is_uneven:
            # Locust divides users anew only when the shape wants another number of them; and while it is
            # still starting users it would forget that we asked, so we ask until each worker has some.
            runner.shape_last_tick = None
            counts = [runner.clients[id_].user_count for id_ in present]
            self._is_uneven = 0 in counts and sum(counts) >= len(counts)
        return present

    def _worker(self, client_id: str) -> Worker:
        """The worker of that id, who has joined when it is first heard or seen."""
        known = self.roster.find(client_id)
        if known is not None:
            return known
        assert isinstance(self._runner, FleetMaster)
        where = str(self._runner.members[client_id])
        name = f"worker-{self._runner.get_worker_index(client_id) + 1}"
        self._event("worker_joined", worker=name, where=where)
        return self.roster.add(client_id, name, where)

    def _share_out(self, present: set[str]) -> None:
        """Tell all workers who drives which arrivals from a moment ahead of us on."""
        assert isinstance(self._runner, MasterRunner)
        members = tuple(sorted(present, key=self._runner.get_worker_index))
        change = ShareChange(self.elapsed_s + _NOTICE_S, members)
        # A worker that has not begun yet finds it in its plan.
        self._changes.append(change)
        self._event("shares", members=len(members), from_s=round(change.from_s, 3))
        self._runner.send_message(MEMBERS, asdict(change))

    def close(self, *, undrained: int) -> None:
        """Take the last numbers of this process and close the run folder; only the first call counts."""
        if self._closed_at_s is not None:
            return
        self._closed_at_s = self.elapsed_s
        # From here on nothing may let go of the hub: see Load.drain.
        self._loop.kill(block=False)
        self._take_local(at_once=True)
        if self._monitoring is not None:
            self._monitoring.close()
        self.merge.pass_on()
        strangers = self._runner.dropped if isinstance(self._runner, FleetMaster) else 0
        if self._prompts:
            self._event("prompts", **SentPrompts.sum(self._prompts.values()).facts())
        self._event(
            "drained",
            workers_lost=self.roster.lost,
            undrained=undrained,
            rejected_reports=self.roster.rejected,
            strangers=strangers,
            calls={worker.name: worker.calls for worker in self.roster},
        )
        if self._influx is not None:
            self._influx.close()
            self._event("influx", **self._influx.facts())
        # Where a machine stood still for a moment, our loop may be due in the same turn of the hub, and has
        # that turn before it is killed. It finds nothing left to write to.
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
        console, self._console = self._console, None
        if console is not None:
            console.close()

    def _run(self) -> None:
        while True:
            gevent.sleep(_BEAT_S)
            elapsed_s = self.elapsed_s
            self.watch_workers()
            stage = self._stages.stage_at(elapsed_s)
            if stage is not None and stage.name != self._stage and not self._session.is_stopping:
                self._stage = stage.name
                self._event("stage", stage=stage.name)
            if elapsed_s - self._sampled_at_s >= _SAMPLE_S:
                self._sampled_at_s = elapsed_s
                self._take_local(at_once=False)
                self._gauges.read(elapsed_s, self._runner.user_count, self._session.load)
                self._abort_if_broken(elapsed_s)
                self._end_if_complete()
            if elapsed_s - self._pruned_at_s >= _PRUNE_S:
                self._pruned_at_s = elapsed_s
                prune(self._runner.stats)
            if self._recorder is not None:
                self.merge.pass_on()
                self._recorder.flush(elapsed_s)
                if self._recorder.failure and not self._session.abort_reason:
                    # Load whose measurements are lost is load for nothing.
                    self._abort(self._recorder.failure)
            if self._console is not None and self._console.is_due(elapsed_s):
                self._console.show(
                    Glance.take(
                        self._plan,
                        elapsed_s,
                        self._runner.user_count,
                        self.merge,
                        is_stopping=self._session.is_stopping,
                    )
                )

    def _take_local(self, *, at_once: bool) -> None:
        load = self._session.load
        if load is not None:
            delta, local = load.drain(at_once=at_once), self.roster.local
            local.calls += calls_in(delta)
            local.last_call_s = load.last_call_s
            if load.cache_trial is not None:
                self._prompts[LOCAL] = load.cache_trial.prompts
            self.merge.absorb(delta, self.elapsed_s)

    def _end_if_complete(self) -> None:
        """End a run whose last stage counts its calls, once all of them have ended."""
        stage, session = self._plan.counted_stage, self._session
        if stage is None or session.is_stopping or session.has_finished or session.abort_reason:
            return
        if self.roster.lost:
            # Nobody makes the lost worker's calls: waiting for them would only delay the verdict, INVALID.
            self._abort("a worker was lost, and its part of the calls with it")
            return
        selector = Selector({"stage": stage.name, "outcome": ANY_OUTCOME, "arm": ANY_ARM})
        if sum(self.merge.totals.outcomes(selector).values()) >= (stage.requests or 0):
            session.has_finished = True
            # The stage lasted until its last call, not until we noticed.
            self._ended_s = max(worker.last_call_s for worker in self.roster)
            self._stop_run()

    def _abort(self, reason: str) -> None:
        self._session.abort_reason = reason
        self._stop_run()

    def _stop_run(self) -> None:
        # In a greenlet of its own: stopping ends the one that we are in.
        gevent.spawn(self._runner.quit if self._is_headless() else self._runner.stop)

    def _abort_if_broken(self, elapsed_s: float) -> None:
        """End the run at a threshold that says so; the calls in flight are still waited for."""
        session = self._session
        if session.is_stopping or session.abort_reason:
            return
        self.merge.pass_on()
        broken = self._abort_watch.broken_line(elapsed_s)
        if broken is not None:
            self._abort(broken.threshold.text)

    def _is_headless(self) -> bool:
        options = self._runner.environment.parsed_options
        return options is not None and bool(options.headless)

    def _take_sample(self, sample: Sample) -> None:
        if self._recorder is not None:
            self._recorder.sample(sample.at_s, sample.source, sample.name, sample.value)
            self._abort_watch.take_sample(sample)
            self._live_samples.take(sample)

    def _absorb_monitored(self, delta: Delta) -> None:
        self.merge.absorb(delta, self.elapsed_s)

    def _event(self, event: str, *, at_s: float | None = None, **details: Any) -> None:
        if self._recorder is not None:
            self._recorder.event(self.elapsed_s if at_s is None else at_s, event, **details)
