"""The tables of a run's text for a terminal, in the order of report.html, and a line for what needs none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tokenswarm.report.action_row import PHASES_MEAN
from tokenswarm.report.answers import GROUPS
from tokenswarm.report.cache import ARMS
from tokenswarm.report.compare_to_text import parts as comparison_parts
from tokenswarm.report.figures import lasted, micro_ms, share, since_start, time_ms, usd, whole
from tokenswarm.report.grouping import tables_of_spreads, threshold_groups
from tokenswarm.report.overhead import PARTS
from tokenswarm.report.provider_strip import lines_of, strip_of
from tokenswarm.report.summary import Summary
from tokenswarm.report.terminal import STYLES, printable

_WORDS: Final = {
    "pass": "good",
    "warn": "WARNING",
    "fail": "CRITICAL",
    "inconclusive": "INCONCLUSIVE",
    "not_measured": "not measured",
}


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
    )


def _thresholds(summary: Summary) -> Iterator[RenderableType]:
    if not summary.thresholds:
        return
    table = _table("Thresholds")
    table.add_column("")
    table.add_column("line", overflow="fold")
    for head in ("value", "limit", "margin", "samples", "breach"):
        table.add_column(head, justify="right", no_wrap=True)
    for group in threshold_groups(summary.thresholds):
        style = STYLES.get(group.status, "dim")
        for row in group.rows:
            line = Text(row.line)
            if row.reason:
                line.append(f"\n{row.reason}", style="dim")
            table.add_row(
                Text(_WORDS[group.status], style=style),
                line,
                Text(row.value_text, style=style),
                Text(row.limit_text),
                Text(row.margin_text),
                Text(whole(row.samples)),
                Text(since_start(row.first_breach_s)),
            )
    yield table


def _spreads(summary: Summary) -> Iterator[RenderableType]:
    for spreads in tables_of_spreads(summary.spreads):
        table = _table(f"{spreads.title}, ms")
        table.add_column("", min_width=14, overflow="fold")
        for head in ("p50", "p90", "p95", "p99", "max", "calls"):
            table.add_column(head, justify="right", no_wrap=True, min_width=7)
        for group in spreads.groups:
            for s in group.rows:
                name = f"{s.name} (not judged)" if s.is_warmup else s.name
                figures = (s.p50_ms, s.p90_ms, s.p95_ms, s.p99_ms, s.max_ms)
                table.add_row(Text(name), *(time_ms(value) for value in figures), whole(s.count))
        yield table


def _answers(summary: Summary) -> Iterator[RenderableType]:
    answers = summary.answers
    if answers is None:
        return
    for group, title in GROUPS.items():
        rows = answers.of(group)
        # One is all calls, which stand above; and of caches there may be more than that.
        if len(rows) < 2 or (group == "cache" and summary.cache is not None):
            continue
        table = _table(f"{title}, times in ms")
        table.add_column("", overflow="fold")
        for head in ("calls", "share", "errors", "ttft p95", "p50", "p95", "p99", "cost"):
            table.add_column(head, justify="right", no_wrap=True)
        for row in rows:
            times = (row.ttft_p95_ms, row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms)
            shares = (share(row.share), share(row.error_rate))
            table.add_row(Text(row.name), whole(row.count), *shares, *map(time_ms, times), usd(row.cost))
        yield table
    if answers.origins and answers.read_by:
        yield Text(answers.read_by, style="dim")
    if answers.doubts:
        yield Text("\n".join(f" ! {doubt}" for doubt in answers.doubts), style=STYLES["warning"])


def _cache(summary: Summary) -> Iterator[RenderableType]:
    cache = summary.cache
    if cache is None:
        return
    tables = []
    if cache.arms:
        table = _table("Cache: what was asked")
        for head in ("", "calls", "hits", "hit p50, ms", "p95", "miss p50", "wrong"):
            table.add_column(head, justify="right" if head else "left", no_wrap=bool(head), overflow="fold")
        for arm in cache.arms:
            times = (micro_ms(value) for value in (arm.hit_p50_ms, arm.hit_p95_ms, arm.miss_p50_ms))
            name = f"{arm.name}: {ARMS[arm.name]}"
            table.add_row(name, whole(arm.count), share(arm.hit_rate), *times, whole(arm.mismatches))
        tables.append(table)
    table = _table("Cache: what answered, times in ms")
    for head in ("", "calls", "share", "min", "p50", "p95", "p99", "max"):
        table.add_column(head, justify="right" if head else "left", no_wrap=bool(head), overflow="fold")
    for row in cache.layers:
        times = (micro_ms(value) for value in (row.min_ms, row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms))
        table.add_row(Text(row.name), whole(row.count), share(row.share), *times)
    yield from (*tables, table)
    if cache.notes:
        yield Text("\n".join(cache.notes), style="dim")


def _overhead(summary: Summary) -> Iterator[RenderableType]:
    """What the gateway adds; not that of a mock which is gateway and provider in one."""
    overhead = summary.overhead
    if overhead is None or not overhead.rows or (summary.about.is_embedded_mock and not overhead.distortion):
        return
    table = _table("Overhead, ms")
    table.add_column("", no_wrap=True)
    table.add_column("way", no_wrap=True)
    for head in ("p50", "p95", "p99", "calls"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in overhead.rows:
        figures = (str(figure) for figure in (row.p50, row.p95, row.p99))
        table.add_row(Text(row.title), row.way, *figures, whole(row.count))
    yield table
    yield Text("\n".join(overhead.notes), style="dim")
    if overhead.sentence:
        yield Text(overhead.sentence)
    table = _table("Where the time goes, mean ms")
    table.add_column("", overflow="fold")
    for part in (*(PARTS[part] for part in overhead.parts), "whole", "calls"):
        table.add_column(part, justify="right", overflow="fold")
    for share_of in overhead.breakdown:
        parts = (time_ms(share_of.parts_ms.get(part)) for part in overhead.parts)
        table.add_row(Text(share_of.title), *parts, time_ms(share_of.mean_ms), whole(share_of.count))
    yield table


def _drift(summary: Summary) -> Iterator[RenderableType]:
    if summary.drift:
        yield Text("\n".join(row.sentence for row in summary.drift))


def _actions(summary: Summary) -> Iterator[RenderableType]:
    if not summary.actions:
        return
    table = _table("Failover")
    table.add_column("", overflow="fold")
    for column in ("calls", "errors", "latency p50", "p95", "TTFT p50", "p95"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("providers", overflow="fold")
    for action in summary.actions:
        for phase in action.phases:
            table.add_row(Text(action.title_of(phase)), *phase.shown_figures, Text(phase.shown_providers))
    told = [Text(f" {since_start(action.at_s)}  {action.sentence}") for action in summary.actions]
    yield Group(table, Text(PHASES_MEAN, style="dim"), *told)
    strip = strip_of(summary.timeline)
    if strip is not None:
        cells = Text("\n".join(f" {line}" for line in lines_of(strip)), no_wrap=True)
        yield Group(Text(f"Who answered, {lasted(strip.cell_s)} a cell:", style="dim"), cells)


def _expected(summary: Summary) -> Iterator[RenderableType]:
    if not summary.expected:
        return
    table = _table("Expected answers")
    table.add_column("", overflow="fold")
    for head in ("met", "asked", "share"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in summary.expected:
        table.add_row(Text(row.name), whole(row.met), whole(row.asked), share(row.share))
    yield table


def _errors(summary: Summary) -> Iterator[RenderableType]:
    if not summary.errors:
        return
    table = _table("Errors")
    table.add_column("class", overflow="fold")
    for head in ("count", "share", "first", "last"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("for example", overflow="fold")
    for row in summary.errors:
        table.add_row(
            Text(row.name),
            whole(row.count),
            share(row.share),
            since_start(row.first_s),
            since_start(row.last_s),
            Text(printable(row.example)),
        )
    yield table


def _comparison(summary: Summary) -> Iterator[RenderableType]:
    if summary.comparison is not None:
        against = Text(f"Against {summary.comparison.base}", style="bold")
        yield Group(against, *comparison_parts(summary.comparison))


def _open_load(summary: Summary) -> Iterator[RenderableType]:
    """What was planned and what came of it, in the open model."""
    texts = {total.metric: total.text for total in summary.totals}
    if "offered_rate" in texts:
        yield Text(
            f"Load: {texts['offered_rate']} planned, {texts['request_rate']} ended;"
            f" {texts['dropped_starts']} dropped, {texts['late_starts']} late"
        )


# Each yields parts that stand apart, and none where the run has nothing for it.
SECTIONS: Final[tuple[Callable[[Summary], Iterator[RenderableType]], ...]] = (
    _thresholds,
    _spreads,
    _overhead,
    _cache,
    _answers,
    _drift,
    _expected,
    _actions,
    _errors,
    _comparison,
    _open_load,
)
