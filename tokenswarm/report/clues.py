"""Where to look first when a line is broken: the section of the report, and what stands out in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.figures import rate, share, since_start, time_ms, whole
from tokenswarm.report.summary import ActionRow, Spread, Summary

_WARM_UP_GROUPS: Final = ("stage", "prompt")


@dataclass(frozen=True, slots=True)
class Clue:
    """`section` is a heading of report.html; `text` one clause for people, empty if nothing stands out."""

    section: str
    text: str


def clue_of(metric: str, summary: Summary) -> Clue:
    """The clue to a broken line on a metric."""
    section, find = next(
        ((section, find) for names, section, find in _SECTIONS if metric.startswith(names)),
        ("Totals", _nothing),
    )
    return Clue(section, find(metric, summary))


def stage_at(at_s: float | None, summary: Summary) -> str:
    """The name of the stage that ran at a time; empty if none did."""
    if at_s is None:
        return ""
    return next((stage.name for stage in summary.stages if stage.start_s <= at_s < stage.end_s), "")


def _errors(_metric: str, summary: Summary) -> str:
    row = next(iter(summary.errors), None)
    if row is None:
        return ""
    when = "" if row.first_s is None else f", {since_start(row.first_s)} to {since_start(row.last_s)}"
    said = f": {row.examples[0]}" if row.examples else ""
    return f"{whole(row.count)} × {row.name} ({share(row.share)} of failures{when}){said}"


def _slowest(metric: str, summary: Summary) -> str:
    """The judged stage and the prompt size with the highest p95; nothing where there is only one."""
    named = metric.removeprefix("effective_").removesuffix("_drift")
    clauses = []
    for group in _WARM_UP_GROUPS:
        rows = [
            s
            for s in summary.spreads
            if s.metric == named and s.group == group and s.p95_ms and not s.is_warmup
        ]
        if len(rows) > 1:
            slowest: Spread = max(rows, key=lambda s: s.p95_ms or 0.0)
            clauses.append(f"{group} {slowest.name} (p95 {time_ms(slowest.p95_ms)} ms)")
    return f"slowest: {', '.join(clauses)}" if clauses else ""


def _delivery(_metric: str, summary: Summary) -> str:
    stages = [s for s in summary.stages if not s.is_warmup and s.request_rate is not None]
    if not stages:
        return ""
    slow = min(stages, key=lambda s: (s.request_rate or 0.0) / (s.offered_rate or 1.0))
    planned = f" of {rate(slow.offered_rate)} planned" if slow.offered_rate is not None else ""
    return f"lowest in {slow.name}: {rate(slow.request_rate)} calls/s{planned}"


def _drift(metric: str, summary: Summary) -> str:
    rows = (row.sentence for row in summary.drift if metric.startswith(row.metric))
    return next(rows, "")


def _added(_metric: str, summary: Summary) -> str:
    rows = summary.overhead.rows if summary.overhead is not None else ()
    return f"{rows[0].title}, {rows[0].way}: p95 {rows[0].p95} ms" if rows else ""


def _failover(metric: str, summary: Summary) -> str:
    slow = max(summary.actions, key=lambda row: _injury(metric, row), default=None)
    return slow.sentence if slow is not None else ""


def _injury(metric: str, row: ActionRow) -> tuple[bool, float]:
    """The worse, the more: what never ended comes before what took long."""
    if metric == "failover_time":
        return False, row.failover_s or 0.0
    if metric == "return_time":
        return row.is_away_at_end, row.return_s or 0.0
    return row.recovery_s is None, row.recovery_s or 0.0


def _origins(_metric: str, summary: Summary) -> str:
    return summary.answers.read_by if summary.answers is not None else ""


def _expected(_metric: str, summary: Summary) -> str:
    least = min(summary.expected, key=lambda row: row.share, default=None)
    return f"{least.name}: {share(least.share)} of {whole(least.asked)} calls" if least is not None else ""


def _trust(_metric: str, summary: Summary) -> str:
    doubt = next((check for check in summary.checks if check.state in ("bad", "warning")), None)
    return f"{doubt.what}: {doubt.text}" if doubt is not None else ""


def _nothing(_metric: str, _summary: Summary) -> str:
    return ""


# The first whose names the metric begins with.
_SECTIONS: Final[tuple[tuple[tuple[str, ...], str, Callable[[str, Summary], str]], ...]] = (
    (("latency_drift", "ttft_drift", "target_memory"), "Drift", _drift),
    (
        ("error_rate", "success_rate", "availability", "failures", "rate_limited", "goodput", "ws_drops"),
        "Errors",
        _errors,
    ),
    (("overhead", "paired_overhead", "reported_"), "What the gateway adds", _added),
    (("latency", "effective_latency"), "Latency", _slowest),
    (("ttf", "tpot", "icl", "max_gap"), "Time to first token", _slowest),
    (("request_rate", "requests", "offered_rate", "output_tokens"), "Stages", _delivery),
    (("recovery_time", "failover_time", "return_time"), "Failover", _failover),
    (("cache_", "fallback_rate", "prompt_cache"), "Where answers came from", _origins),
    (("check_rate",), "Expected answers", _expected),
    (("dropped", "late", "schedule_delay", "generator_"), "Can this run be trusted?", _trust),
)
