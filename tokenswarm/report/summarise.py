"""A run folder → the summary that all reports are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokenswarm.metrics.call import EXPECTED, FAILURES, SUCCESS
from tokenswarm.metrics.judge import judge
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Selector
from tokenswarm.metrics.thresholds import ThresholdResult
from tokenswarm.profile.expectations import Expectations
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.report.breakpoint import breakpoint_of
from tokenswarm.report.drift import drift_of
from tokenswarm.report.failover import action_rows, find_injections
from tokenswarm.report.figures import deciding_level, judged_limit, judged_margin, judged_value
from tokenswarm.report.load_curve import load_curve_of
from tokenswarm.report.measure_answers import answers_of
from tokenswarm.report.measure_cache import cache_of
from tokenswarm.report.measure_overhead import overhead_of
from tokenswarm.report.run_folder import Run
from tokenswarm.report.spectra import spectra_of
from tokenswarm.report.summary import About, Summary, ThresholdRow
from tokenswarm.report.tables import error_rows, expected_answers, spreads_of, stage_rows, totals_of
from tokenswarm.report.timeline import timeline_of
from tokenswarm.report.trust import checks_of, ending_of
from tokenswarm.report.verdict import CallTally, decide


def summarise_run(run: Run) -> Summary:
    """The summary of a run folder, judged by the profile and the SLO that it was run with."""
    facts = run.facts
    profile = Profile.from_resolved(facts.profile["resolved"], str(facts.profile.get("file", "")))
    slo = None
    if facts.slo is not None:
        slo = Slo.from_resolved(facts.slo["resolved"], str(facts.slo.get("file", "")))
    expectations = Expectations(profile.expect)
    find_injections(run, profile, slo)
    results = judge(thresholds_of(profile, slo), run.measurements)
    checks = checks_of(run, profile, {result.threshold.subject.metric for result in results})
    peak = max((sample.value for sample in run.measurements.samples.of("users")), default=None)
    configuration = {"profile": facts.profile.get("resolved", {}), "target": facts.target}
    if facts.slo is not None:
        configuration["slo"] = facts.slo.get("resolved", {})
    return Summary(
        verdict=decide(results, _tally(run.measurements, expectations), ending_of(run, checks)),
        about=_about(run),
        checks=checks,
        thresholds=threshold_rows(results, slo),
        totals=totals_of(run.measurements, peak),
        spreads=spreads_of(run.measurements),
        stages=stage_rows(run),
        errors=error_rows(run.measurements.faults),
        timeline=timeline_of(run, results),
        overhead=overhead_of(run.measurements),
        answers=answers_of(run.measurements, facts.target),
        cache=cache_of(run.measurements, profile.cache, run.event("prompts")),
        breakpoint=breakpoint_of(run, profile, slo),
        drift=drift_of(run, profile),
        expected=expected_answers(run.measurements, expectations.checks),
        actions=action_rows(run),
        spectra=spectra_of(run.measurements),
        load_curve=load_curve_of(run, profile),
        environment=facts.environment,
        configuration=configuration,
    )


def _tally(measurements: Measurements, expectations: Expectations) -> CallTally:
    outcomes = measurements.outcomes(Selector())
    failures = {outcome: count for outcome, count in outcomes.items() if outcome in FAILURES}
    return CallTally(
        int(outcomes.get(SUCCESS, 0)),
        int(sum(failures.values())),
        max(failures, key=lambda outcome: failures[outcome], default=""),
        int(outcomes.get(EXPECTED, 0)),
        expectations.wants_answers,
    )


def threshold_rows(results: Sequence[ThresholdResult], slo: Slo | None) -> tuple[ThresholdRow, ...]:
    """The table of judged lines; a broken one brings the SLO's hints."""
    hints: Mapping[str, Sequence[str]] = slo.hints if slo is not None else {}
    return tuple(
        ThresholdRow(
            line=result.threshold.text,
            metric=result.threshold.subject.metric,
            status=result.status.value,
            grade=result.grade,
            value=result.value,
            limit=result.limit,
            margin=result.margin,
            margin_share=result.margin_share,
            value_text=judged_value(result),
            limit_text=_limit_text(result),
            margin_text=judged_margin(result),
            samples=result.samples,
            first_breach_s=result.first_breach_s,
            reason=result.reason,
            note=result.note,
            origin=result.threshold.origin,
            hints=tuple(hints.get(result.threshold.subject.metric, ()))
            if result.grade in ("warning", "critical")
            else (),
        )
        for result in results
    )


def _limit_text(result: ThresholdResult) -> str:
    level = deciding_level(result)
    return f"{level.name} {judged_limit(result)}" if result.threshold.is_tiered else judged_limit(result)


def _about(run: Run) -> About:
    facts = run.facts
    return About(
        tool=facts.tool,
        source=run.folder.resolve().name,
        source_kind="run folder",
        scenario=facts.scenario,
        profile=str(facts.profile.get("name", "")),
        profile_file=str(facts.profile.get("file", "")),
        profile_sha256=str(facts.profile.get("sha256", "")),
        slo=str(facts.slo.get("name", "")) if facts.slo else "",
        target=str(facts.target.get("name", "")),
        url=str(facts.target.get("url", "")),
        dialect=str(facts.target.get("dialect", "")),
        model=str(facts.target.get("model", "")),
        is_embedded_mock=bool(facts.target.get("is_embedded_mock")),
        started_at=facts.started_at,
        lasted_s=round(run.ended_s, 3),
        planned_s=facts.planned_s,
        time_scale=facts.time_scale,
        seed=facts.seed,
        workers=facts.workers,
        command=facts.command,
        locust_command=facts.locust_command,
    )
