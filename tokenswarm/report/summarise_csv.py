"""Locust's CSV files → the summary that all reports are made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from tokenswarm import __version__
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.report.figures import whole
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.summarise import threshold_rows
from tokenswarm.report.summary import About, Check, ErrorRow, Spread, Summary
from tokenswarm.report.tables import spread_of, totals_of
from tokenswarm.report.timeline import timeline_of_history
from tokenswarm.report.verdict import CallTally, Ending, decide

_NO_PROFILE: Final = {"name": "locust", "stages": [{"name": "run", "duration": "1s", "users": 1}]}


def summarise_csv(csv: LocustCsv, profile: Profile | None, slo: Slo | None) -> Summary:
    """The summary of Locust's CSV files, judged by what the profile and the SLO ask, if any."""
    results = judge(_given(profile, slo), csv)
    whole_run = csv.whole
    failure = max(csv.failures, key=lambda fault: fault.count, default=None)
    tally = CallTally(whole_run.successes, whole_run.failures, failure.message if failure else "")
    history = csv.history
    started_at, start_s, lasted_s = "", None, 0.0
    if history is not None and len(history):
        start_s, end_s = float(history["Timestamp"].iloc[0]), float(history["Timestamp"].iloc[-1])
        started_at, lasted_s = datetime.fromtimestamp(start_s, UTC).isoformat(), end_s - start_s
    peak = None if history is None or not len(history) else float(history["User Count"].max())
    configuration: dict[str, Any] = {}
    if profile is not None:
        configuration["profile"] = profile.resolved()
    if slo is not None:
        configuration["slo"] = slo.resolved()
    return Summary(
        verdict=decide(results, tally, Ending()),
        about=About(
            tool=f"tokenswarm {__version__}",
            source=csv.prefix.name,
            source_kind="Locust CSV",
            profile=profile.name if profile else "",
            profile_file=profile.file if profile else "",
            slo=slo.name if slo else "",
            started_at=started_at,
            lasted_s=lasted_s,
        ),
        checks=_checks(csv, profile),
        thresholds=threshold_rows(results, slo),
        totals=totals_of(csv, peak),
        spreads=_spreads(csv),
        stages=(),
        errors=_errors(csv, start_s),
        timeline=timeline_of_history(history),
        environment={},
        configuration=configuration,
    )


def _given(profile: Profile | None, slo: Slo | None) -> list[Threshold]:
    if profile is not None:
        return thresholds_of(profile, slo)
    if slo is None:
        return []
    # An SLO alone: a profile without thresholds of its own gives it stages to be checked against.
    nothing = Profile.from_resolved(
        {"name": "locust", "stages": [{"name": "run", "duration": "1s", "users": 1}]}
    )
    return thresholds_of(nothing, slo)


def _checks(csv: LocustCsv, profile: Profile | None) -> tuple[Check, ...]:
    checks = []
    if csv.exceptions:
        count = sum(fault.count for fault in csv.exceptions)
        checks.append(
            Check(
                "locustfile", "warning", f"{whole(count)} exceptions of the locustfile's own are no requests"
            )
        )
    if csv.whole.failures:
        checks.append(Check("times", "warning", "Locust's times hold failed requests as well"))
    if csv.cut:
        text = f"the last line is half-written and left out: {', '.join(csv.cut)}"
        checks.append(Check("files", "warning", text))
    if csv.clock_set_back_s:
        text = f"it was set back by {csv.clock_set_back_s:g} s during the run; times go on from there"
        checks.append(Check("clock", "warning", text))
    checks.append(
        Check(
            "precision",
            "note",
            "Locust rounds percentiles to whole ms below 100, then to two digits; a limit inside that"
            " rounding is inconclusive",
        )
    )
    checks.append(
        Check("end", "note", "Locust writes its CSV once a second: the last requests may be missing from it")
    )
    if profile is not None and any(stage.warmup for stage in profile.stages):
        checks.append(
            Check("warm-up", "note", "a CSV does not tell stages apart, so warm-ups are judged too")
        )
    return tuple(checks)


def _spreads(csv: LocustCsv) -> tuple[Spread, ...]:
    """Locust's own figures, failed requests included: they can't be taken out of its percentiles."""
    spreads = [spread_of(csv, "latency", "all", "all requests", {"outcome": "all"})]
    for row in csv.rows:
        times = row.percentiles_ms
        spreads.append(
            Spread(
                "latency",
                "row",
                row.name,
                row.requests,
                row.average_ms,
                row.min_ms,
                times.get(50.0),
                times.get(90.0),
                times.get(95.0),
                times.get(99.0),
                row.max_ms,
            )
        )
    return tuple(spread for spread in spreads if spread is not None)


def _errors(csv: LocustCsv, start_s: float | None) -> tuple[ErrorRow, ...]:
    faults = [*csv.failures, *csv.exceptions]
    total = sum(fault.count for fault in faults)
    return tuple(
        ErrorRow(
            fault.where,
            0,
            fault.count,
            fault.count / total,
            _since_start(fault.first_seen, start_s),
            _since_start(fault.last_seen, start_s),
            (fault.message,),
        )
        for fault in sorted(faults, key=lambda fault: -fault.count)
    )


def _since_start(seen: str, start_s: float | None) -> float | None:
    if start_s is None or not seen:
        return None
    try:
        return max(0.0, datetime.fromisoformat(seen).timestamp() - start_s)
    except ValueError:
        return None
