"""The summary as Markdown: for a pull request's comment, or a job's summary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenswarm.report.answers import GROUPS
from tokenswarm.report.figures import lasted, rate, share, since_start, time_ms, usd, whole
from tokenswarm.report.grouping import tables_of_spreads, threshold_groups
from tokenswarm.report.markdown import code as _code
from tokenswarm.report.markdown import table as _table
from tokenswarm.report.markdown import text as _text
from tokenswarm.report.overhead import PARTS
from tokenswarm.report.provider_strip import lines_of, strip_of
from tokenswarm.report.summary import Summary

_MARKS: Final = {
    "pass": "✅",
    "good": "✅",
    "warn": "⚠️",
    "warning": "⚠️",
    "fail": "❌",
    "bad": "❌",
    "invalid": "❌",
    "inconclusive": "❔",
    "interrupted": "❔",
    "not_measured": "➖",
    "note": "ℹ️",
}
_ABORTED: Final = " (aborted)"


def render(summary: Summary) -> str:
    """The whole report."""
    lines: list[str] = []
    for part in (
        _head,
        _breakpoint,
        _trust,
        _thresholds,
        _totals,
        _spreads,
        _overhead,
        _answers,
        _drift,
        _stages,
        _expected,
        _actions,
        _errors,
        _setup,
    ):
        block = list(part(summary))
        if block:
            lines += [*block, ""]
    return "\n".join(lines)


def _head(summary: Summary) -> Iterator[str]:
    about, verdict = summary.about, summary.verdict
    against = f" against {_text(about.target)}" if about.target else ""
    yield f"# {_MARKS[verdict.outcome]} {_text(about.profile or about.source)}{against}"
    yield ""
    yield f"**{_text(verdict.sentence)}**"
    unsaid = [reason for reason in verdict.reasons if reason not in verdict.sentence]
    if unsaid:
        yield ""
        yield from (f"- {_text(reason)}" for reason in unsaid)
    facts = [
        about.started_at,
        lasted(about.lasted_s) if about.lasted_s else "",
        f"scenario {about.scenario}" if about.scenario else "",
        f"model {about.model}" if about.model else "",
        "embedded mock, no real gateway" if about.is_embedded_mock else "",
        f"from {about.source_kind} {about.source}",
    ]
    yield ""
    yield " · ".join(_text(fact) for fact in facts if fact)


def _breakpoint(summary: Summary) -> Iterator[str]:
    if summary.breakpoint is not None:
        yield f"**{_text(summary.breakpoint.sentence)}**"


def _drift(summary: Summary) -> Iterator[str]:
    if summary.drift:
        yield "## Drift"
        yield ""
        yield from (f"- {_text(row.sentence)}" for row in summary.drift)


def _actions(summary: Summary) -> Iterator[str]:
    if not summary.actions:
        return
    yield "## Failover"
    yield ""
    for action in summary.actions:
        yield f"- {_text(since_start(action.at_s))}: {_text(action.sentence)}"
    yield ""
    head = ("", "calls", "errors", "latency p50, ms", "p95", "first token p50, ms", "p95", "providers")
    rows = [
        (
            f"{phase.name} {action.name}",
            whole(phase.requests),
            share(phase.error_rate),
            time_ms(phase.latency_p50_ms),
            time_ms(phase.latency_p95_ms),
            time_ms(phase.ttft_p50_ms),
            time_ms(phase.ttft_p95_ms),
            phase.shown_providers,
        )
        for action in summary.actions
        for phase in action.phases
    ]
    yield from _table(head, rows, "lrrrrrrl")
    strip = strip_of(summary.timeline)
    if strip is not None:
        yield ""
        yield f"Who answered, {lasted(strip.cell_s)} a cell:"
        yield ""
        yield from (f"    {line}" for line in lines_of(strip))


def _trust(summary: Summary) -> Iterator[str]:
    if not summary.checks:
        return
    yield "## Can this run be trusted?"
    yield ""
    for check in summary.checks:
        yield f"- {_MARKS[check.state]} {_text(check.what)}: {_text(check.text)}"


def _thresholds(summary: Summary) -> Iterator[str]:
    yield "## Thresholds"
    yield ""
    groups = threshold_groups(summary.thresholds)
    if not groups:
        yield "No threshold was given, so nothing was judged."
        return
    rows = []
    for group in groups:
        for row in group.rows:
            why = f" {_text(row.reason)}" if row.reason else ""
            rows.append(
                (
                    f"{_MARKS[group.status]} {group.title.lower()}",
                    f"{_code(row.line)}{why}",
                    row.value_text,
                    row.limit_text,
                    row.margin_text,
                    whole(row.samples),
                    since_start(row.first_breach_s),
                    row.origin,
                )
            )
    heads = ("", "Line", "Value", "Limit", "Margin", "Samples", "First breach", "From")
    yield from _table(heads, rows, "llrrrrrl", is_escaped=(0, 1))
    hinted = {row.metric: row.hints for row in summary.thresholds if row.hints}
    for metric, hints in hinted.items():
        yield ""
        yield f"What to check first about {_code(metric)}:"
        yield ""
        yield from (f"{i}. {_text(hint)}" for i, hint in enumerate(hints, start=1))


def _totals(summary: Summary) -> Iterator[str]:
    if not summary.totals:
        return
    yield "## Totals"
    yield ""
    yield from _table(("Figure", "Value"), [(total.what, total.text) for total in summary.totals], "lr")
    times = [spread for spread in summary.spreads if spread.group == "all"]
    if times:
        yield ""
        columns = ("avg_ms", "min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")
        rows = [
            (s.metric, *(time_ms(getattr(s, column)) for column in columns), whole(s.count)) for s in times
        ]
        heads = ("Times, ms", "avg", "min", "med", "p90", "p95", "p99", "max", "count")
        yield from _table(heads, rows, "lrrrrrrrr")


def _spreads(summary: Summary) -> Iterator[str]:
    for i, table in enumerate(tables_of_spreads(summary.spreads)):
        if i:
            yield ""
        yield f"## {table.title}, ms"
        yield ""
        rows = [
            (
                f"{s.name} (not judged)" if s.is_warmup else s.name,
                *(time_ms(value) for value in (s.p50_ms, s.p90_ms, s.p95_ms, s.p99_ms, s.max_ms)),
                whole(s.count),
            )
            for group in table.groups
            for s in group.rows
        ]
        yield from _table(("", "p50", "p90", "p95", "p99", "max", "calls"), rows, "lrrrrrr")


def _overhead(summary: Summary) -> Iterator[str]:
    overhead = summary.overhead
    if overhead is None:
        return
    if overhead.rows:
        yield "## What the gateway adds, ms"
        yield ""
        rows = [
            (row.title, row.way, str(row.p50), str(row.p95), str(row.p99), whole(row.count))
            for row in overhead.rows
        ]
        yield from _table(("", "Way", "p50", "p95", "p99", "calls"), rows, "llrrrr")
        yield ""
        yield from (f"- {_text(note)}" for note in overhead.notes)
        yield ""
    if overhead.distortion:
        yield "## How the gateway changes streams"
        yield ""
        yield _text(overhead.sentence)
        yield ""
        changes = [(row.what, row.show(row.gateway), row.show(row.provider)) for row in overhead.distortion]
        yield from _table(("", "through the gateway", "straight to the provider"), changes, "lrr")
        yield ""
    yield "## Where the time goes, mean ms"
    yield ""
    heads = ("", *(PARTS[part] for part in overhead.parts), "whole", "calls")
    means = [
        (
            row.title,
            *(time_ms(row.parts_ms.get(part)) for part in overhead.parts),
            time_ms(row.mean_ms),
            whole(row.count),
        )
        for row in overhead.breakdown
    ]
    yield from _table(heads, means, "l" + "r" * (len(heads) - 1))


def _answers(summary: Summary) -> Iterator[str]:
    answers = summary.answers
    if answers is None:
        return
    yield "## Where answers came from"
    yield ""
    if answers.read_by:
        yield _text(answers.read_by)
    if answers.doubts:
        yield ""
        yield from (f"- {_MARKS['warning']} {_text(doubt)}" for doubt in answers.doubts)
    for group, title in GROUPS.items():
        rows = [
            (
                row.name,
                whole(row.count),
                share(row.share),
                share(row.error_rate),
                *(time_ms(value) for value in (row.ttft_p50_ms, row.ttft_p95_ms)),
                *(time_ms(value) for value in (row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms)),
                whole(row.output_tokens),
                usd(row.cost),
            )
            for row in answers.of(group)
        ]
        if rows:
            yield ""
            heads = (title, "calls", "share", "errors", "ttft p50", "p95", "latency p50", "p95", "p99")
            yield from _table((*heads, "tokens out", "cost"), rows, "l" + "r" * 10)
    if answers.silent_rules:
        yield ""
        yield f"Rules that never applied: {', '.join(_code(rule.name) for rule in answers.silent_rules)}."


def _stages(summary: Summary) -> Iterator[str]:
    if not summary.stages:
        return
    yield "## Stages"
    yield ""
    is_open = any(stage.offered_rate is not None for stage in summary.stages)
    rows = [
        (
            f"{stage.name} (not judged)" if stage.is_warmup else f"{stage.name}{_ABORTED * stage.is_aborted}",
            since_start(stage.start_s),
            since_start(stage.end_s),
            rate(stage.offered_rate) if is_open else whole(stage.users),
            whole(stage.requests),
            rate(stage.request_rate),
            share(stage.error_rate),
        )
        for stage in summary.stages
    ]
    load = "planned/s" if is_open else "users"
    yield from _table(("Stage", "from", "to", load, "calls", "calls/s", "errors"), rows, "lrrrrrr")


def _expected(summary: Summary) -> Iterator[str]:
    if not summary.expected:
        return
    yield "## Expected answers"
    yield ""
    rows = [(row.name, whole(row.met), whole(row.asked), share(row.share)) for row in summary.expected]
    yield from _table(("Check", "met", "asked", "share"), rows, "lrrr")


def _errors(summary: Summary) -> Iterator[str]:
    if not summary.errors:
        return
    yield "## Errors"
    yield ""
    rows = [
        (
            row.name,
            whole(row.count),
            share(row.share),
            since_start(row.first_s),
            since_start(row.last_s),
            _code(row.example),
        )
        for row in summary.errors
    ]
    yield from _table(
        ("Class", "Count", "Share", "First", "Last", "For example"), rows, "lrrrrl", is_escaped=(5,)
    )


def _setup(summary: Summary) -> Iterator[str]:
    about = summary.about
    yield "## What was run"
    yield ""
    facts = (
        ("command", _code(about.command)),
        ("Locust", _code(about.locust_command)),
        ("target", _text(f"{about.url} {about.dialect}".strip())),
        ("profile", _text(about.profile_file or about.profile)),
        ("SLO", _text(about.slo)),
        ("written by", _text(about.tool)),
        *((name.replace("_", " "), _text(value)) for name, value in summary.environment.items()),
    )
    yield from (f"- {name}: {value}" for name, value in facts if value)
