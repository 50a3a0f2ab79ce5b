"""Can the run be trusted? Each check says good, note, warning or bad; a bad one makes the run invalid."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from tokenswarm.metrics.call import GATEWAY, INTERRUPTED, PROVIDER
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.profile.schema import Profile
from tokenswarm.report.figures import lasted, since_start, whole
from tokenswarm.report.fleet_checks import fleet_checks
from tokenswarm.report.health import health_checks
from tokenswarm.report.monitored import monitor_checks
from tokenswarm.report.run_folder import Run
from tokenswarm.report.summary import Check
from tokenswarm.report.verdict import Ending

# The target never saw a call that ended so.
_UNSENT: Final = ("connect", "tls", "timeout_connect")


def checks_of(run: Run, profile: Profile, judged: Collection[str]) -> tuple[Check, ...]:
    """Every check that this run allows, the gravest first; `judged` are the metrics with a threshold."""
    found = [
        *_whole(run),
        *fleet_checks(run),
        *_counts(run),
        *health_checks(run, profile, judged),
        *monitor_checks(run),
    ]
    order = ("bad", "warning", "note", "good")
    return tuple(sorted(found, key=lambda check: order.index(check.state)))


def ending_of(run: Run, checks: tuple[Check, ...]) -> Ending:
    """How the measuring ended, for the verdict."""
    stopped = run.event("stopped")
    reason = str(stopped.details.get("reason", "")) if stopped is not None else ""
    interrupted = ""
    if run.facts.state == "running" or (stopped is None and run.facts.state != "failed"):
        interrupted = (
            f"the run did not end properly; the last that is known of it is at {lasted(run.ended_s)}"
        )
    elif reason == "interrupted" or run.facts.state == "interrupted":
        interrupted = f"stopped after {lasted(run.ended_s)} of {lasted(run.facts.planned_s)}"
    aborted = str(stopped.details.get("detail", "")) if stopped is not None and reason == "aborted" else ""
    invalid = tuple(check.text for check in checks if check.state == "bad")
    return Ending(interrupted, aborted or ("a threshold was broken" if reason == "aborted" else ""), invalid)


def _whole(run: Run) -> Iterator[Check]:
    """Whether all that was measured has arrived."""
    if run.facts.state == "failed":
        code = run.facts.locust_exit_code
        how = "" if code is None else f" with exit code {code}"
        yield Check("Locust", "bad", f"Locust itself failed{how}; run.log says why")
    for text in run.damaged:
        yield Check("files", "bad", text)
    for text in run.missing:
        yield Check("files", "warning", text)
    if run.unreached_stages:
        names = ", ".join(stage.name for stage in run.unreached_stages)
        yield Check("stages", "warning", f"not reached: {names}")
    if run.aborted is not None:
        line = run.aborted.details.get("detail") or "a threshold"
        at = since_start(run.aborted.at_s)
        yield Check(
            "aborted", "note", f"{line} ended the run at {at}; what would have come later was not tried"
        )
    exported = run.event("influx")
    if exported is not None and exported.details.get("dropped"):
        lost, sent = int(exported.details["dropped"]), int(exported.details.get("sent", 0))
        yield Check(
            "InfluxDB",
            "warning",
            f"{whole(lost)} of {whole(lost + sent)} points are not in InfluxDB, which"
            f" {exported.details.get('problem')}; this report lacks nothing",
        )
    unserved = run.event("unserved")
    if unserved is not None:
        text = f"{unserved.details.get('problem')}; this report lacks nothing"
        yield Check("Prometheus", "warning", text)
    for event in run.events:
        if event.name == "action" and not event.details.get("is_ok"):
            yield Check(
                "actions",
                "bad",
                f"the action {event.details.get('name')} failed: {event.details.get('said')}",
            )


def _counts(run: Run) -> Iterator[Check]:
    """Whether others counted as many calls as we did."""
    everything = run.measurements.all_outcomes()
    ended = sum(count for outcome, count in everything.items() if outcome != INTERRUPTED)
    interrupted = everything.get(INTERRUPTED, 0)
    if run.facts.mock is not None:
        yield _mock_count(run.measurements, run.facts.mock.received)
    if run.locust_requests is not None and run.locust_requests > ended:
        yield Check(
            "counts",
            "warning",
            f"Locust counted {whole(run.locust_requests)} requests and tokenswarm {whole(ended)}: other users"
            " ran beside ours, or measurements are missing",
        )
    if interrupted:
        yield Check(
            "interrupted calls",
            "note",
            f"{whole(interrupted)} calls were cut off by us; they are neither success nor failure",
        )


def _mock_count(measurements: Measurements, received: int) -> Check:
    """Whether the mock gateway saw the calls that went through it, and no others."""
    calls = measurements.all_outcomes(GATEWAY)
    interrupted = calls.pop(INTERRUPTED, 0)
    reached = int(sum(calls.values()) - sum(calls.get(outcome, 0) for outcome in _UNSENT))
    # Attempts that were refused and made again are no calls of ours, but they were calls to the mock.
    reached += int(_sum_of(measurements, "retries"))
    # Calls that we cut off may or may not have arrived; a call on a dropped connection went out twice.
    most = int(reached + interrupted + _sum_of(measurements, "reconnects"))
    if reached <= received <= most:
        return Check("counts", "good", f"the mock received {whole(received)} calls, as many as were sent")
    counted = whole(reached + interrupted)
    return Check("counts", "bad", f"the mock received {whole(received)} calls, but {counted} were counted")


def _sum_of(measurements: Measurements, name: str) -> float:
    series = (series for key, series in measurements.each() if key.labels.arm != PROVIDER)
    return sum(one.counts.get(name, 0) for one in series)
