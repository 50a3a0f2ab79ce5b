"""The trend as one HTML page that needs neither network nor script, and as text for a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from tokenswarm.metrics.change_points import FEWEST_RUNS
from tokenswarm.report.figures import share, whole
from tokenswarm.report.pages import new_environment
from tokenswarm.report.palette import PALETTE
from tokenswarm.report.past_runs import PastRun
from tokenswarm.report.trend import Course, GroupTrend, Trend
from tokenswarm.report.trend_chart import draw


def to_html(trend: Trend, folder: Path) -> str:
    """The page, for a file in `folder`: links to the runs' own reports are relative to it."""
    runs = [run for group in trend.groups for run in group.runs]
    template = _environment().get_template("trend.html.j2")
    return template.render(
        trend=trend,
        count=len(runs),
        palette=PALETTE,
        figure=_figure,
        links={run.file: _link(run, folder) for run in runs},
    )


def to_text(trend: Trend) -> str:
    """What changed, and what is left of the budget."""
    return "\n".join(line for group in trend.groups for line in _lines(group)) + "".join(
        f"\nleft out: {reason}" for reason in trend.skipped
    )


def _lines(group: GroupTrend) -> Iterator[str]:
    first, last = group.runs[0].at, group.runs[-1].at
    untrusted = f", {group.untrusted} of them not to be trusted" if group.untrusted else ""
    when = f"{runs_text(len(group.runs))}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    yield f"{_plain(group.group.title)}: {when}{untrusted}"
    for course in group.courses:
        if course.is_chief:
            yield f"  {course.key!s:<24} {course.latest.text:>12}   {_changes(course)}"
    for course, change in group.changes:
        if not course.is_chief:
            yield f"  {course.key} {change.text} on {change.run.at:%Y-%m-%d} ({change.grade})"
    for budget in group.budgets:
        spent = f"{budget.bad:,.0f} of {budget.allowed:,.1f} allowed: {spent_text(budget.spent)} spent"
        yield f"  {budget.objective}, {budget.window}: {whole(budget.calls)} calls, {spent}"
    yield ""


def _changes(course: Course) -> str:
    said = [f"{c.text} on {c.run.at:%Y-%m-%d} ({c.grade})" for c in course.changes]
    if said:
        return "; ".join(said)
    trusted = sum(dot.run.is_trusted for dot in course.dots)
    return "no change of level" if trusted >= 2 * FEWEST_RUNS else "too few runs to tell a change"


def runs_text(count: int) -> str:
    """1 run, 2 runs."""
    return f"{whole(count)} run{'s' if count != 1 else ''}"


def spent_text(spent: float) -> str:
    """0%, 45%, 230%; a budget of nothing is either whole or broken."""
    return "more than there was" if spent == float("inf") else share(spent) if spent <= 1 else f"{spent:.0%}"


def _figure(course: Course) -> Markup:
    return Markup(
        "<figure><figcaption><b>{}</b> <span>{}</span></figcaption>{}<small>{}</small></figure>"
    ).format(str(course.key), course.latest.text, draw(course), course.definition)


def _link(run: PastRun, folder: Path) -> str:
    name = run.file.name.replace("summary.json", "report.html")
    report = run.file.with_name(name)
    if not report.is_file():
        return ""
    return quote(os.path.relpath(report, folder))


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


@cache
def _environment() -> jinja2.Environment:
    environment = new_environment()
    environment.filters.update(runs=runs_text, spent=spent_text, whole=whole)
    return environment
