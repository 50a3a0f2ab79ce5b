"""The parts of report.md that fold away, each under the heading that report.html has for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tokenswarm.report.action_row import PHASES_MEAN
from tokenswarm.report.answers import GROUPS
from tokenswarm.report.cache import ARMS
from tokenswarm.report.compare_to_markdown import report_section
from tokenswarm.report.figures import lasted, micro_ms, rate, share, since_start, time_ms, usd, whole
from tokenswarm.report.grouping import tables_of_spreads, threshold_groups
from tokenswarm.report.markdown import code, table, text
from tokenswarm.report.marks import MARKS
from tokenswarm.report.overhead import PARTS
from tokenswarm.report.provider_strip import lines_of, strip_of
from tokenswarm.report.summary import Summary

_ABORTED: Final = " (aborted)"


@dataclass(frozen=True, slots=True)
class Section:
    """One part; `write` yields its lines, and none where the run has nothing for it."""

    title: str
    write: Callable[[Summary], Iterator[str]]


def _drift(summary: Summary) -> Iterator[str]:
    if summary.drift:
        yield from (f"- {text(row.sentence)}" for row in summary.drift)


def _actions(summary: Summary) -> Iterator[str]:
    if not summary.actions:
        return
    for action in summary.actions:
        yield f"- {text(since_start(action.at_s))}: {text(action.sentence)}"
    yield ""
    head = (
        "",
        "from, to",
        "calls",
        "errors",
        "latency p50, ms",
        "p95",
        "first token p50, ms",
        "p95",
        "providers",
    )
    rows = [
        (
            action.title_of(phase),
            phase.shown_span,
            *phase.shown_figures,
            phase.shown_providers,
        )
        for action in summary.actions
        for phase in action.phases
    ]
    yield from table(head, rows, "lrrrrrrrl")
    yield ""
    yield text(PHASES_MEAN)
    strip = strip_of(summary.timeline)
    if strip is not None:
        yield ""
        yield f"Who answered, {lasted(strip.cell_s)} a cell:"
        yield ""
        yield from (f"    {line}" for line in lines_of(strip))


def _trust(summary: Summary) -> Iterator[str]:
    if not summary.checks:
        return
    for check in summary.checks:
        yield f"- {MARKS[check.state]} {text(check.what)}: {text(check.text)}"


def _thresholds(summary: Summary) -> Iterator[str]:
    groups = threshold_groups(summary.thresholds)
    if not groups:
        yield "No threshold was given, so nothing was judged."
        return
    rows = []
    for group in groups:
        for row in group.rows:
            why = f" {text(row.reason)}" if row.reason else ""
            rows.append(
                (
                    f"{MARKS[group.status]} {group.title.lower()}",
                    f"{code(row.line)}{why}",
                    row.value_text,
                    row.limit_text,
                    row.margin_text,
                    whole(row.samples),
                    since_start(row.first_breach_s),
                    row.origin,
                )
            )
    heads = ("", "Line", "Value", "Limit", "Margin", "Samples", "First breach", "From")
    yield from table(heads, rows, "llrrrrrl", is_escaped=(0, 1))
    hinted = {row.metric: row.hints for row in summary.thresholds if row.hints}
    for metric, hints in hinted.items():
        yield ""
        yield f"What to check first about {code(metric)}:"
        yield ""
        yield from (f"{i}. {text(hint)}" for i, hint in enumerate(hints, start=1))


def _totals(summary: Summary) -> Iterator[str]:
    if not summary.totals:
        return
    yield from table(("Figure", "Value"), [(total.what, total.text) for total in summary.totals], "lr")
    times = [spread for spread in summary.spreads if spread.group == "all"]
    if times:
        yield ""
        columns = ("avg_ms", "min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")
        rows = [
            (s.metric, *(time_ms(getattr(s, column)) for column in columns), whole(s.count)) for s in times
        ]
        heads = ("Times, ms", "avg", "min", "med", "p90", "p95", "p99", "max", "count")
        yield from table(heads, rows, "lrrrrrrrr")


def _spreads(summary: Summary) -> Iterator[str]:
    for i, times in enumerate(tables_of_spreads(summary.spreads)):
        if i:
            yield ""
        yield f"**{times.title}, ms**"
        yield ""
        rows = [
            (
                f"{s.name} (not judged)" if s.is_warmup else s.name,
                *(time_ms(value) for value in (s.p50_ms, s.p90_ms, s.p95_ms, s.p99_ms, s.max_ms)),
                whole(s.count),
            )
            for group in times.groups
            for s in group.rows
        ]
        yield from table(("", "p50", "p90", "p95", "p99", "max", "calls"), rows, "lrrrrrr")


def _overhead(summary: Summary) -> Iterator[str]:
    overhead = summary.overhead
    if overhead is None:
        return
    if overhead.rows:
        yield "**What the gateway adds, ms**"
        yield ""
        rows = [
            (row.title, row.way, str(row.p50), str(row.p95), str(row.p99), whole(row.count))
            for row in overhead.rows
        ]
        yield from table(("", "Way", "p50", "p95", "p99", "calls"), rows, "llrrrr")
        yield ""
        yield from (f"- {text(note)}" for note in overhead.notes)
        yield ""
    if overhead.distortion:
        yield "**How the gateway changes streams**"
        yield ""
        yield text(overhead.sentence)
        yield ""
        changes = [(row.what, row.show(row.gateway), row.show(row.provider)) for row in overhead.distortion]
        yield from table(("", "through the gateway", "straight to the provider"), changes, "lrr")
        yield ""
    yield "**Where the time goes, mean ms**"
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
    yield from table(heads, means, "l" + "r" * (len(heads) - 1))


def _answers(summary: Summary) -> Iterator[str]:
    answers = summary.answers
    if answers is None:
        return
    if answers.read_by:
        yield text(answers.read_by)
    if answers.doubts:
        yield ""
        yield from (f"- {MARKS['warning']} {text(doubt)}" for doubt in answers.doubts)
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
            yield from table((*heads, "tokens out", "cost"), rows, "l" + "r" * 10)
    if answers.silent_rules:
        yield ""
        yield f"Rules that never applied: {', '.join(code(rule.name) for rule in answers.silent_rules)}."


def _cache(summary: Summary) -> Iterator[str]:
    cache = summary.cache
    if cache is None:
        return
    yield from (f"- {text(note)}" for note in cache.notes)
    arms = [
        (
            f"{row.name}: {ARMS[row.name]}",
            whole(row.count),
            share(row.hit_rate),
            *(micro_ms(value) for value in (row.hit_p50_ms, row.hit_p95_ms, row.miss_p50_ms)),
            whole(row.mismatches),
        )
        for row in cache.arms
    ]
    layers = [
        (
            row.name,
            whole(row.count),
            share(row.share),
            *(micro_ms(value) for value in (row.min_ms, row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms)),
        )
        for row in cache.layers
    ]
    stages = [
        (
            f"{row.name} (not judged)" if row.is_warmup else row.name,
            whole(row.count),
            share(row.hit_rate),
            share(row.exact_hit_rate),
        )
        for row in cache.stages
    ]
    for heads, rows in (
        (("Asked", "calls", "hits", "hit p50, ms", "p95", "miss p50", "wrong"), arms),
        (("Answered, ms", "calls", "share", "min", "p50", "p95", "p99", "max"), layers),
        (("Stage", "calls", "hits", "hits of exact repeats"), stages if len(stages) > 1 else []),
    ):
        if rows:
            yield ""
            yield from table(heads, rows, "l" + "r" * (len(heads) - 1))


def _stages(summary: Summary) -> Iterator[str]:
    if not summary.stages:
        return
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
    yield from table(("Stage", "from", "to", load, "calls", "calls/s", "errors"), rows, "lrrrrrr")


def _expected(summary: Summary) -> Iterator[str]:
    if not summary.expected:
        return
    rows = [(row.name, whole(row.met), whole(row.asked), share(row.share)) for row in summary.expected]
    yield from table(("Check", "met", "asked", "share"), rows, "lrrr")


def _errors(summary: Summary) -> Iterator[str]:
    if not summary.errors:
        return
    rows = [
        (
            row.name,
            whole(row.count),
            share(row.share),
            since_start(row.first_s),
            since_start(row.last_s),
            code(row.example),
        )
        for row in summary.errors
    ]
    yield from table(
        ("Class", "Count", "Share", "First", "Last", "For example"), rows, "lrrrrl", is_escaped=(5,)
    )


def _setup(summary: Summary) -> Iterator[str]:
    about = summary.about
    facts = (
        ("command", code(about.command)),
        ("Locust", code(about.locust_command)),
        ("target", text(f"{about.url} {about.dialect}".strip())),
        ("profile", text(about.profile_file or about.profile)),
        ("SLO", text(about.slo)),
        ("written by", text(about.tool)),
        *((name.replace("_", " "), text(value)) for name, value in summary.environment.items()),
    )
    yield from (f"- {name}: {value}" for name, value in facts if value)


def _comparison(summary: Summary) -> Iterator[str]:
    if summary.comparison is not None:
        yield from report_section(summary.comparison)


SECTIONS: Final = (
    Section("Thresholds", _thresholds),
    Section("Errors", _errors),
    Section("Against the baseline", _comparison),
    Section("Can this run be trusted?", _trust),
    Section("Failover", _actions),
    Section("Drift", _drift),
    Section("Latency and time to first token", _spreads),
    Section("Stages", _stages),
    Section("Totals", _totals),
    Section("Where the time goes", _overhead),
    Section("Cache", _cache),
    Section("Where answers came from", _answers),
    Section("Expected answers", _expected),
    Section("What was run", _setup),
)
