"""Many runs of one thing over time: each figure, where its level changed, and the error budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.catalogue import AGGREGATIONS, METRICS, Kind
from tokenswarm.metrics.change_points import ChangePoint, change_points
from tokenswarm.metrics.units import Quantity, format_figure, quantity_of
from tokenswarm.report.error_budget import Budget, budgets_of
from tokenswarm.report.figure_key import ALL, FigureKey
from tokenswarm.report.figures import time_ms
from tokenswarm.report.past_runs import Found, Group, PastRun

# Drawn large, in this order; all others are under a fold.
CHIEF: Final = (
    FigureKey("error_rate"),
    FigureKey("availability"),
    FigureKey("request_rate"),
    FigureKey("latency", "p50"),
    FigureKey("latency", "p95"),
    FigureKey("latency", "p99"),
    FigureKey("effective_latency", "p95"),
    FigureKey("ttft", "p50"),
    FigureKey("ttft", "p95"),
    FigureKey("ttft", "p99"),
    FigureKey("overhead", "p95"),
    FigureKey("cache_hit_rate"),
    FigureKey("cost_per_request"),
    FigureKey("output_tokens_rate"),
)
# Figures that follow from how long a run was, or say nothing by themselves.
_LEFT_OUT: Final = ("min", "max", "avg")


@dataclass(frozen=True, slots=True)
class Dot:
    """One run on a chart."""

    run: PastRun
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level, at the first run that has the new one."""

    run: PastRun
    point: ChangePoint
    text: str
    grade: str  # worse, better or changed


@dataclass(frozen=True, slots=True)
class Course:
    """One figure over all runs that have it; `changes` are told from those that can be trusted."""

    key: FigureKey
    dots: tuple[Dot, ...]
    changes: tuple[Change, ...]
    definition: str

    @property
    def is_chief(self) -> bool:
        """Whether it is drawn large."""
        return self.key in CHIEF

    @property
    def latest(self) -> Dot:
        """The newest run's."""
        return self.dots[-1]


@dataclass(frozen=True, slots=True)
class LineHistory:
    """One threshold: in how many of the runs that judged it did it hold?"""

    line: str
    judged: int
    held: int


@dataclass(frozen=True, slots=True)
class GroupTrend:
    """All of one group."""

    group: Group
    runs: tuple[PastRun, ...]
    courses: tuple[Course, ...]
    budgets: tuple[Budget, ...]
    lines: tuple[LineHistory, ...]

    @property
    def changes(self) -> list[tuple[Course, Change]]:
        """The newest first, chief figures before the others."""
        found = [(course, change) for course in self.courses for change in course.changes]
        return sorted(found, key=lambda one: (-one[1].run.at.timestamp(), not one[0].is_chief))

    @property
    def untrusted(self) -> int:
        """How many of its runs can't be trusted."""
        return sum(not run.is_trusted for run in self.runs)


@dataclass(frozen=True, slots=True)
class Trend:
    """What the page shows."""

    groups: tuple[GroupTrend, ...]
    skipped: tuple[str, ...]


def trend_of(found: Found) -> Trend:
    """The trend of all runs that were found."""
    groups = [_group_trend(group, runs) for group, runs in found.groups.items()]
    return Trend(tuple(groups), tuple(found.skipped))


def _group_trend(group: Group, runs: Sequence[PastRun]) -> GroupTrend:
    keys = dict.fromkeys(key for run in runs for key in run.recorded.figures if _is_followed(key))
    ordered = sorted(keys, key=lambda key: (CHIEF.index(key) if key in CHIEF else len(CHIEF), str(key)))
    courses = [_course(key, runs) for key in ordered]
    return GroupTrend(
        group, tuple(runs), tuple(courses), tuple(budgets_of(runs)), tuple(_line_histories(runs))
    )


def _is_followed(key: FigureKey) -> bool:
    if key.group != ALL or key.figure in _LEFT_OUT:
        return False
    # A count grows with how long a run lasts.
    return key.metric not in METRICS or METRICS[key.metric].kind is not Kind.COUNTER


def _course(key: FigureKey, runs: Sequence[PastRun]) -> Course:
    dots = [
        Dot(run, figure.value, figure.text)
        for run in runs
        if (figure := run.recorded.figures.get(key)) is not None
    ]
    trusted = [dot for dot in dots if dot.run.is_trusted]
    points = change_points([dot.value for dot in trusted])
    # It is written for Markdown, and shown as it is.
    definition = METRICS[key.metric].definition.replace("`", "") if key.metric in METRICS else ""
    changes = [_change(key, trusted[point.index].run, point) for point in points]
    return Course(key, tuple(dots), tuple(changes), definition)


def _change(key: FigureKey, run: PastRun, point: ChangePoint) -> Change:
    rose = point.after > point.before
    by = f" by {abs(point.change):.0%}" if point.before else ""
    text = f"{'rose' if rose else 'fell'}{by}, from {shown(key, point.before)} to {shown(key, point.after)}"
    grade = "changed" if not key.worse else "worse" if (key.worse > 0) == rose else "better"
    return Change(run, point, text, grade)


def shown(key: FigureKey, value: float) -> str:
    """A value with its unit."""
    if key.is_time:
        return f"{time_ms(value)} ms"
    if key.metric not in METRICS:
        return f"{value:g}"
    return format_figure(value, _quantity(key))


def _line_histories(runs: Iterable[PastRun]) -> list[LineHistory]:
    judged: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for run in runs:
        for line in run.lines if run.is_trusted else ():
            if line.get("status") in ("pass", "warn", "fail"):
                judged[str(line.get("line"))] += 1
                held[str(line.get("line"))] += line["status"] == "pass"
    return [LineHistory(line, count, held[line]) for line, count in judged.items()]


def _quantity(key: FigureKey) -> Quantity:
    metric = METRICS[key.metric]
    return quantity_of(metric, AGGREGATIONS[metric.kind][0])
