"""The timeline as charts above each other, all over the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.report.chart import Axis, Band, Chart, Curve, Line, Rule
from tokenswarm.report.figures import since_start
from tokenswarm.report.monitored import PREFIX, unit_of
from tokenswarm.report.summary import LimitLine, StageRow, Timeline, Track
from tokenswarm.report.ticks import is_clock, time_ticks

_COLOURS: Final[Mapping[str, str]] = {
    "calls/s": "blue",
    "failed/s": "critical",
    "planned calls/s": "teal",
    "provider calls/s": "olive",
    "users": "slate",
    "p50": "blue",
    "p95": "amber",
    "p99": "plum",
    "hits": "teal",
    "exact": "blue",
    "varied": "amber",
    "unique": "slate",
    "expired": "plum",
    "output tokens/s": "blue",
    "input tokens/s": "slate",
    "target CPU": "brick",
    "target memory": "teal",
    "open": "blue",
    "messages/s": "slate",
    "lag p99": "plum",
    "generator CPU": "slate",
}
# Failure classes and providers, the commonest first; what is beyond them is drawn as one.
_RANKS: Final[Mapping[str, Sequence[str]]] = {
    "errors": ("brick", "amber", "plum", "teal", "blue"),
    "providers": ("blue", "amber", "teal", "plum", "olive"),
}
MOST_NAMED_MARKS: Final = 4  # with more, names would lie on each other: the list above the charts has numbers
_BEYOND: Final[Mapping[str, str]] = {"errors": "classes", "providers": "providers"}


@dataclass(frozen=True, slots=True)
class _Kind:
    key: str
    title: str
    unit: str
    height: int = 190
    most: float | None = None


_KINDS: Final = (
    _Kind("calls", "Calls per second", "/s"),
    _Kind("users", "Users", "", 90),
    _Kind("latency", "Latency", "ms"),
    _Kind("ttft", "Time to first token", "ms"),
    _Kind("errors", "Failed calls per second, by class", "/s", 150),
    _Kind("providers", "Calls per second, by the provider that answered", "/s", 150),
    _Kind("cache", "Answers from a cache", "%", 110, most=102.0),
    _Kind("tokens", "Tokens per second", "/s", 130),
    _Kind("target_cpu", "CPU of the target, % of its machine or container", "%", 110),
    _Kind("memory", "Memory of the target", "MB", 110),
    _Kind("websockets", "Open WebSockets", "", 110),
    _Kind("ws_messages", "Messages per second on WebSockets", "/s", 110),
    _Kind("generator", "Load generator: how late its timers were", "ms", 90),
    _Kind("generator_cpu", "Load generator: CPU of its busiest process, % of a core", "%", 90),
)


def time_charts(timeline: Timeline, stages: Sequence[StageRow]) -> list[Chart]:
    """All charts that there is data for."""
    axis = _axis(timeline)
    bands = stage_bands(stages)
    # There, users are but the places that calls may take.
    is_open = any(track.name.startswith("planned") for track in timeline.of("calls"))
    lines = [
        Line(mark.at_s, text, "critical")
        for mark, text in zip(timeline.marks, _mark_texts(timeline), strict=True)
    ]
    return [
        Chart(
            kind.key,
            kind.title,
            kind.unit,
            axis,
            [_curve(kind.key, i, track) for i, track in enumerate(_few(kind.key, timeline))],
            height=kind.height,
            rules=[_rule(limit) for limit in timeline.limits if limit.chart == kind.key],
            bands=bands,
            lines=lines,
            most=kind.most,
        )
        for kind in (*_KINDS, *_monitored_kinds(timeline))
        if timeline.of(kind.key) and not (kind.key == "users" and is_open)
    ]


def _mark_texts(timeline: Timeline) -> list[str]:
    marks = timeline.marks
    if len(marks) > MOST_NAMED_MARKS:
        return [str(number) for number, _ in enumerate(marks, start=1)]
    return [f"{mark.name} at {since_start(mark.at_s)}" for mark in marks]


def _monitored_kinds(timeline: Timeline) -> Iterator[_Kind]:
    """A small chart for each series that a monitor read; the metric's own name is beside its curve."""
    for key in dict.fromkeys(track.chart for track in timeline.tracks if track.chart.startswith(PREFIX)):
        metric = METRICS[key.removeprefix(PREFIX)]
        unit = unit_of(metric)
        name = metric.name.replace("_", " ")
        title = f"{name[:1].upper()}{name[1:]}{' per second' if unit.endswith('/s') else ''}"
        yield _Kind(key, title, unit, 110)


def stage_bands(stages: Sequence[StageRow]) -> tuple[Band, ...]:
    """The stages as they lie behind the curves."""
    return tuple(
        Band(stage.name, stage.start_s, stage.end_s, bool(i % 2), stage.is_warmup)
        for i, stage in enumerate(stages)
    )


def _axis(timeline: Timeline) -> Axis:
    end_s = timeline.at_s[-1] + timeline.width_s
    centres = tuple(at_s + timeline.width_s / 2 for at_s in timeline.at_s)
    return Axis("time", 0.0, end_s, centres, time_ticks(0.0, end_s), unit="clock" if is_clock(end_s) else "s")


def _curve(chart: str, i: int, track: Track) -> Curve:
    ranks = _RANKS.get(chart)
    if ranks is not None:
        return Curve(track.name, ranks[i] if i < len(ranks) else "slate", track.values)
    colour = _COLOURS.get(track.name, "teal")  # what a monitor read has a name of its own
    return Curve(track.name, colour, track.values, is_dashed=track.name.startswith("planned"))


def _rule(limit: LimitLine) -> Rule:
    colour = next((colour for name, colour in _COLOURS.items() if limit.name.startswith(name)), "critical")
    return Rule(limit.name, colour, limit.severity, limit.value, limit.start_s, limit.end_s)


def _few(chart: str, timeline: Timeline) -> list[Track]:
    """The tracks of a chart; of those that are ranked the commonest, and the others as one."""
    tracks = timeline.of(chart)
    if chart not in _RANKS:
        return tracks
    ranked = sorted(tracks, key=lambda track: -sum(value or 0 for value in track.values))
    most = len(_RANKS[chart])
    rest = ranked[most:]
    if len(rest) < 2:
        return ranked
    name = f"{len(rest)} other {_BEYOND[chart]}"
    return [*ranked[:most], Track(chart, name, tuple(_sums(rest)))]


def _sums(tracks: Sequence[Track]) -> Iterator[float]:
    for values in zip(*(track.values for track in tracks), strict=True):
        yield sum(value or 0 for value in values)
