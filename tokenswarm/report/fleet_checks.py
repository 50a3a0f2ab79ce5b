"""What became of the workers of a run, and whether all that they measured has arrived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tokenswarm.metrics.delta_bounds import MERGED_LABELS, MOST_LABEL_SETS
from tokenswarm.metrics.series import LATE_SHARES
from tokenswarm.report.figures import lasted, since_start, whole
from tokenswarm.report.run_folder import Run
from tokenswarm.report.run_lines import RunEvent
from tokenswarm.report.summary import Check

_NAMED_AT_MOST = 3


def fleet_checks(run: Run) -> Iterator[Check]:
    """The gravest first, roughly: the caller sorts them."""
    drained = run.event("drained")
    yield from _presence(run, drained)
    for event in _events(run, "worker_unfit")[:_NAMED_AT_MOST]:
        yield Check("workers", "bad", f"{_named(event)} could not take part: {event.details.get('reason')}")
    for event in _events(run, "calls_missing")[:_NAMED_AT_MOST]:
        made, came = event.details.get("made", 0), event.details.get("calls", 0)
        yield Check(
            "reports", "bad", f"{_named(event)} made {whole(made)} calls, and {whole(came)} were reported"
        )
    yield from _counted(run)
    if drained is not None:
        yield from _reports(run, drained)


def _presence(run: Run, drained: RunEvent | None) -> Iterator[Check]:
    lost = _events(run, "worker_lost")
    returned = {str(event.details.get("worker")) for event in _events(run, "worker_returned")}
    if lost:
        names = {str(event.details.get("worker")) for event in lost}
        back = ", and came back" if returned.issuperset(names) else ""
        verb = "was" if len(names) == 1 else "were"
        who = "; ".join(_last_known(event) for event in lost[:_NAMED_AT_MOST])
        more = f"; and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
        yield Check("workers", "bad", f"{who}{more} {verb} lost{back}: calls of theirs are missing")
    elif drained is not None:
        if drained.details.get("workers_lost"):
            yield Check("workers", "bad", f"{drained.details['workers_lost']} workers were lost")
        else:
            count = run.facts.workers
            yield Check(
                "workers", "good", f"{count} workers, none lost" if count > 1 else "no worker was lost"
            )


def _counted(run: Run) -> Iterator[Check]:
    """What workers counted that speaks against the run."""
    counts: dict[str, float] = dict.fromkeys((LATE_SHARES, MERGED_LABELS), 0)
    for _, counted in run.measurements.all_counted():
        for name in counts:
            counts[name] += counted.get(name, 0)
    if counts[LATE_SHARES]:
        yield Check(
            "shares",
            "bad",
            "a change of who makes which calls came too late to a worker: some were made twice, or by nobody",
        )
    if counts[MERGED_LABELS]:
        yield Check(
            "labels",
            "warning",
            f"{whole(counts[MERGED_LABELS])} calls are listed under other: more than"
            f" {MOST_LABEL_SETS} combinations of labels came, such as a new provider with each answer",
        )


def _reports(run: Run, drained: RunEvent) -> Iterator[Check]:
    said: Mapping[str, Any] = drained.details
    undrained, rejected = said.get("undrained", 0), said.get("rejected_reports", 0)
    if undrained:
        whose = (
            "1 worker did not hand in its" if undrained == 1 else f"{undrained} workers did not hand in their"
        )
        yield Check("drained", "bad", f"{whose} last calls in time")
    else:
        took = lasted(max(0.0, drained.at_s - run.ended_s))
        yield Check("drained", "good", f"calls in flight at the end were waited for ({took}) and counted")
    if rejected:
        first = run.event("rejected")
        why = f" (the first of {_named(first)}: {first.details.get('problem')})" if first is not None else ""
        yield Check(
            "reports", "bad", f"{rejected} reports of workers could not be read and are not counted{why}"
        )
    if strangers := said.get("strangers", 0):
        yield Check(
            "strangers",
            "warning",
            f"{whole(strangers)} messages came to the master's port from others than workers, and were"
            " dropped: who can reach it?",
        )


def _events(run: Run, name: str) -> list[RunEvent]:
    return [event for event in run.events if event.name == name]


def _named(event: RunEvent) -> str:
    worker, where = event.details.get("worker", "a worker"), event.details.get("where")
    return f"{worker} ({where})" if where else str(worker)


def _last_known(event: RunEvent) -> str:
    """`worker-2 (host-b, 10.0.0.3), last heard at 12.0 s with 617 calls`."""
    reported_s, calls = event.details.get("reported_s"), event.details.get("calls")
    if calls is None:
        return _named(event)  # of an older run
    if reported_s is None:
        return f"{_named(event)}, which had reported nothing,"
    return f"{_named(event)}, which had reported {whole(calls)} calls by {since_start(reported_s)},"
