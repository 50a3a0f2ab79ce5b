"""What all users of one process share during a run: where to aim, what to say, how to measure it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from math import inf
from random import Random
from typing import Final

import gevent

from tokenswarm.metrics.call import DROPPED, FAILURES, GATEWAY, INTERRUPTED, PROVIDER, CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.delta_bounds import LabelBound
from tokenswarm.metrics.moments import MomentNames
from tokenswarm.metrics.series import LATE_SHARES, Delta
from tokenswarm.metrics.spent import HIT
from tokenswarm.profile.expectations import Expectations
from tokenswarm.profile.models import weights_of
from tokenswarm.profile.share import Share
from tokenswarm.prompts.corpus import Corpus
from tokenswarm.prompts.mix import CallKind, Mix, call_mix
from tokenswarm.prompts.popularity import Part
from tokenswarm.prompts.source import PromptSource
from tokenswarm.swarm.arm import Arm
from tokenswarm.swarm.arrivals import LATE_S, Arrivals
from tokenswarm.swarm.cache_trial import CacheTrial
from tokenswarm.swarm.cpu import CpuMeter
from tokenswarm.swarm.ended_calls import AT_ONCE, EndedCalls
from tokenswarm.swarm.expectation import Expectation
from tokenswarm.swarm.garbage import GarbageMeter
from tokenswarm.swarm.lag import LagProbe
from tokenswarm.swarm.locust_rows import tell_locust
from tokenswarm.swarm.plan import RunPlan, ShareChange
from tokenswarm.swarm.signals import Signals
from tokenswarm.swarm.socket_watch import SocketWatch
from tokenswarm.swarm.upcoming import AHEAD, Draw, ReadyCall, Upcoming
from tokenswarm.transport.frames import Close
from tokenswarm.transport.unread import read_answer
from tokenswarm.transport.websocket import Nobody

logger = logging.getLogger(__name__)

SIZES: Final = ("short", "medium", "long")
_MOST_BEHIND_S: Final = 3.0  # a worker that is further behind its master was missed for so long, and lost


class Load:
    """One process's part of one run; made when the test starts, dropped when the next one does."""

    def __init__(self, plan: RunPlan, worker_index: int, client_id: str, corpus: Corpus) -> None:
        self.plan = plan
        self.started_at_s = time.monotonic() + plan.lead_s - plan.elapsed_s
        self._stages = plan.stages
        self._stage_from_s = self._stage_until_s = 0.0
        self._named_stage = ""
        self.collector = Collector(self.started_at_s, plan.width_s, plan.objectives_s)
        self._labels = LabelBound()
        self.sockets = SocketWatch(self._count_drop)
        self.gateway = Arm.aimed(GATEWAY, plan.target, plan.profile, self.sockets)
        provider = plan.provider
        # Drops and open connections are the target's.
        unwatched = Nobody()
        self.provider = (
            Arm.aimed(PROVIDER, provider, plan.profile, unwatched) if provider is not None else None
        )
        self.rng = Random(f"{plan.seed}/{worker_index}")
        self._prompts = PromptSource(corpus, f"{plan.run_id}/{worker_index}", self.rng)
        self._upcoming: dict[tuple[str, ...], Upcoming] = {}
        self.cache_trial = self._cache_trial(client_id)
        self.cpu = CpuMeter()
        self._lag = LagProbe()
        self._garbage = GarbageMeter()
        self.arrivals = self._open_arrivals(client_id) if plan.is_open else None
        self._expectation = Expectation(Expectations(plan.profile.expect), self.collector)
        self._signals = Signals(plan.target, self.collector)
        self.is_patient = plan.profile.rate_limits == "honour"
        counted = plan.counted_stage
        self._counted_stage = counted.name if counted is not None else None
        # With a cache on trial, what a call found decides what the next one asks: none may wait.
        self._ahead, at_once = (1, 1) if self.cache_trial is not None else (AHEAD, AT_ONCE)
        self.ended = EndedCalls(self.finish, tell_locust, at_once)
        self.calls = 0  # that ended, as collected
        self.last_call_s = 0.0  # when the last one ended, since the run's start
        self._quota = plan.quota_of(client_id)
        self._models = {model.name: model for model in plan.target.asked}
        self._moment_names = MomentNames()
        self._moment_s = plan.moment_s

    def upcoming(self, sizes: tuple[str, ...]) -> Upcoming:
        """What users of these size classes share: the share of CALLS is the profile's."""
        upcoming = self._upcoming.get(sizes)
        if upcoming is None:
            upcoming = self._upcoming[sizes] = Upcoming(self._draw(sizes), self._prepare, self._ahead)
        return upcoming

    def _draw(self, sizes: tuple[str, ...]) -> Draw:
        weights = self._weights_of(sizes)
        if self.cache_trial is not None:
            return self.cache_trial.draws(sizes, weights)
        return Mix(weights, self.rng)

    def _weights_of(self, sizes: tuple[str, ...]) -> dict[CallKind, float]:
        profile = self.plan.profile
        shares = {size: share for size, share in profile.prompts.items() if size in sizes}
        if not any(shares.values()):
            # A class that the profile leaves out, started by name: its sizes in equal parts.
            shares = dict.fromkeys(sizes, 1.0)
        direct = profile.paired.share if profile.paired is not None else 0.0
        streaming = 1.0 if self.gateway.speech.is_socket else profile.streaming
        return call_mix(shares, streaming, direct, weights_of(self.plan.target.asked))

    def may_call(self, at_s: float) -> bool:
        """Whether a closed-model user may start a call: a stage that counts its calls makes no more.

        `at_s` is the call's intended start, which decides its stage here and in its record alike.
        """
        if self._counted_stage is None or self._stage_name(at_s - self.started_at_s) != self._counted_stage:
            return True
        self._quota -= 1
        return self._quota >= 0

    def _prepare(self, kind: CallKind) -> ReadyCall:
        """A call of this kind; its prompt was never sent before, unless that is to be tried."""
        arm = self.provider if kind.is_direct else self.gateway
        assert arm is not None, "only a paired profile deals calls to the provider"
        if self.cache_trial is not None and kind.ask is not None:
            text = self.cache_trial.text_of(kind.ask, kind.prompt)
        else:
            text = self._prompts.next_text(kind.prompt)
        request = arm.request(text, kind.model, stream=kind.stream)
        return ReadyCall(kind, arm.name, request, self.new_record(kind))

    def new_record(self, kind: CallKind) -> CallRecord:
        """The record of a call that will be made, with its labels but for the stage."""
        record = CallRecord()
        record.scenario = self.plan.scenario
        record.prompt = kind.prompt
        record.stream = kind.stream
        record.requested_model = kind.model
        if kind.is_direct:
            record.arm = PROVIDER
        else:
            self._expectation.prepare(record)
        self._signals.prepare(record)
        if self.cache_trial is not None and kind.ask is not None:
            self.cache_trial.prepare(record, kind.ask)
        return record

    def due(self, record: CallRecord, intended_at_s: float) -> None:
        """The call is due at this time, which decides its stage."""
        record.intended_at_s = intended_at_s
        record.stage = self._stage_name(intended_at_s - self.started_at_s)

    def drain(self, *, at_once: bool) -> Delta:
        """All that was measured since the last drain, the generator's own lag with it.

        At the end of a run it must be `at_once`: Locust may exit as soon as we let go of the hub.
        """
        self.ended.finish_all()
        elapsed_s = time.monotonic() - self.started_at_s
        stage = self._stage_name(elapsed_s)
        for name, values_s in (("generator_lag", self._lag.take()), ("gc_pause", self._garbage.take())):
            if values_s:
                self.collector.observe(name, elapsed_s, values_s, stage)
        self._signals.report(elapsed_s, stage, at_once=at_once)
        if self.cache_trial is not None:
            for name, count in self.cache_trial.take_counts().items():
                self.collector.count(name, elapsed_s, stage, count)
        # In one go it would hold the hub for 10 ms, and every first token that arrives meanwhile.
        if not at_once:
            for _ in self.collector.fold_piecewise():
                gevent.sleep(0)
        return self._labels.apply(self.collector.drain())

    def finish_schedule(self) -> None:
        """Let what is still due come due, where the run's end was told by a clock that is ahead of ours."""
        if self.arrivals is not None:
            self.arrivals.finish(_MOST_BEHIND_S)

    def stop(self) -> None:
        """End what runs beside the users."""
        self.ended.stop()
        self._lag.stop()
        self._garbage.stop()
        if self.arrivals is not None:
            self.arrivals.close()

    def share_out(self, members: Sequence[str], from_s: float, client_id: str) -> None:
        """From that time of the run on, these workers share the open arrivals."""
        if self.arrivals is None:
            return
        change = ShareChange(from_s, tuple(members))
        if not self.arrivals.reassign(from_s, change.membership_of(client_id)):
            logger.error("a change of shares came too late: some arrivals may have been driven twice")
            self.collector.count(LATE_SHARES, from_s, self._stage_name(from_s))

    def _open_arrivals(self, client_id: str) -> Arrivals:
        share = Share(self.plan.schedule(), self.plan.membership_of(client_id))
        for change in self.plan.changes:
            share.reassign(change.from_s, change.membership_of(client_id))
        return Arrivals(
            share,
            self.started_at_s,
            lambda name, due_s: self.collector.count(name, due_s, self._stage_name(due_s)),
        )

    def _cache_trial(self, client_id: str) -> CacheTrial | None:
        cache, own = self.plan.profile.cache, self.plan.membership_of(client_id)
        if cache is None:
            return None
        # One that joins later has a pool of its own: the others share theirs out already.
        run_id = self.plan.run_id if own.worker is not None else f"{self.plan.run_id}/{client_id}"
        part = Part(own.worker, own.workers) if own.worker is not None else Part()
        return CacheTrial(cache, run_id, part, self._is_warmup, self.rng)

    def _is_warmup(self, at_s: float) -> bool:
        name = self._stage_name(at_s - self.started_at_s)
        return any(stage.name == name and stage.warmup for stage in self.plan.profile.stages)

    def _count_drop(self, close: Close, in_call: bool) -> None:
        elapsed_s = time.monotonic() - self.started_at_s
        self.collector.count("ws_drops", elapsed_s, self._stage_name(elapsed_s))
        if not in_call:  # else it is the call's own failure
            self.collector.note(DROPPED, f"{close}, between calls", elapsed_s)

    def _stage_name(self, elapsed_s: float) -> str:
        # Asked twice a call, and nearly always about the same stage as before.
        if not self._stage_from_s <= elapsed_s < self._stage_until_s:
            stage = self._stages.stage_at(elapsed_s) or self._stages.stages[-1]
            ends_s = [-inf, *(span.end_s for span in self._stages.spans()), inf]
            self._stage_from_s = max(end_s for end_s in ends_s if end_s <= elapsed_s)
            self._stage_until_s = min(end_s for end_s in ends_s if end_s > elapsed_s)
            self._named_stage = stage.name
        return self._named_stage

    def _count_moment(self, record: CallRecord, width_s: float) -> None:
        """Count what ended when, finer than intervals are: recovery is a matter of tenths of a second."""
        moment = int(max(0.0, self.last_call_s) / width_s)
        has_failed = record.outcome in FAILURES
        for name in self._moment_names.of(moment, record.provider, has_failed=has_failed):
            self.collector.count(name, self.last_call_s, record.stage)

    def count_refusal(self, record: CallRecord) -> None:
        """Count an attempt that was refused and will be made again: no call yet."""
        assert record.ended_at_s is not None
        if self.cache_trial is not None:
            self.cache_trial.gave_up(record)
        if record.arm == PROVIDER:
            return  # `retries` are the target's
        self.collector.count("retries", record.ended_at_s - self.started_at_s, record.stage)

    def finish(self, record: CallRecord) -> None:
        """Count a call that ended, with its cost and what the profile expects of it."""
        assert record.ended_at_s is not None
        try:
            read_answer(record)
        except Exception:  # a bug, in the greenlet of whoever made the last call of many: none may be lost
            logger.exception("an answer could not be read; its call counts as interrupted")
        self.last_call_s = record.ended_at_s - self.started_at_s
        self._signals.read(record)
        if self.cache_trial is not None:
            self.cache_trial.finish(record)
        if record.arm == GATEWAY:  # what is expected may well be the gateway's doing
            self._expectation.judge(record, self.last_call_s)
        asked = self._models[record.requested_model]
        prices = asked.prices or self.plan.target.prices
        if record.cost is None and prices is not None and record.is_success:
            record.cost = prices.cost(record.input_tokens or 0, record.output_tokens or 0)
        if asked.provider and not record.provider and record.cache != HIT:
            record.provider = asked.provider
        if self._moment_s is not None and record.arm == GATEWAY and record.outcome != INTERRUPTED:
            self._count_moment(record, self._moment_s)
        delay_s = record.schedule_delay_s
        if self.arrivals is not None and delay_s is not None and delay_s > LATE_S:
            self.collector.count("late_starts", record.intended_at_s - self.started_at_s, record.stage)
        record.body, record.head = None, b""  # nobody looks at them any more, and the collector keeps calls
        self.collector.record(record)
        self.calls += 1
