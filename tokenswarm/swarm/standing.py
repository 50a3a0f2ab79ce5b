"""How the run that goes on here stands, put together for whoever watches it."""

from __future__ import annotations

from dataclasses import replace

from locust.runners import LocalRunner, MasterRunner

from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.standing import DRAINING, ENDED, RUNNING, MonitorStanding, Standing, WorkerStanding
from tokenswarm.swarm.merge import Merge
from tokenswarm.swarm.plan import RunPlan
from tokenswarm.swarm.roster import Roster


def standing_of(
    plan: RunPlan,
    runner: LocalRunner | MasterRunner,
    roster: Roster,
    merge: Merge,
    monitors: tuple[MonitorStanding, ...],
    *,
    run: str,
    elapsed_s: float,
    is_stopping: bool,
    is_closed: bool,
) -> Standing:
    """At this moment. It costs milliseconds that belong to the load: ask once a second.

    Of a run that has ended nothing is shown as it is now: nobody reads it any more.
    """
    stage = plan.stages.stage_at(elapsed_s)
    is_draining = is_stopping or stage is None
    totals = merge.totals
    # Totals have no windows: lines that have one are judged at the end.
    lines = [line for line in plan.thresholds if line.levels[0].expression.window is None]
    return Standing(
        run=run or plan.run_id,
        profile=plan.profile.name,
        target=plan.target.name,
        scenario=plan.scenario,
        model=plan.target.shown_model,
        state=ENDED if is_closed else DRAINING if is_draining else RUNNING,
        stage="" if is_draining or stage is None else stage.name,
        elapsed_s=elapsed_s,
        total_s=plan.total_s,
        users=runner.user_count,
        workers=tuple(
            WorkerStanding(
                worker.name, None if is_closed else worker.cores, worker.calls, worker.sockets, worker.is_lost
            )
            for worker in roster
        ),
        totals=totals,
        recent=merge.recent(elapsed_s),
        thresholds=tuple(judge(lines, totals, elapsed_s)),
        monitors=tuple(replace(one, gauges={}, per_s={}) for one in monitors) if is_closed else monitors,
    )
