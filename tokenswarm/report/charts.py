"""The timeline as Bokeh figures, in one JSON item that a page embeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from bokeh.embed import json_item
from bokeh.layouts import column
from bokeh.models import (
    AdaptiveTicker,
    BasicTicker,
    BoxZoomTool,
    ColumnDataSource,
    HoverTool,
    LinearAxis,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
)
from bokeh.models.annotations import BoxAnnotation, Label, Span, Title
from bokeh.plotting import figure

from tokenswarm.report.chart_style import FONT, ROOM_ABOVE, label, light, style_frame, style_legend
from tokenswarm.report.figures import since_start
from tokenswarm.report.summary import LimitLine, StageRow, Timeline, Track

_COLOURS: Final[Mapping[str, str]] = {
    "calls/s": "blue",
    "failed/s": "critical",
    "planned calls/s": "teal",
    "provider calls/s": "olive",
    "users": "slate",
    "lag p99": "plum",
    "CPU": "slate",
    "memory": "teal",
    "open": "blue",
    "messages/s": "slate",
    "p50": "blue",
    "p95": "amber",
    "p99": "plum",
}
# Failure classes and providers, the commonest first; what is beyond them is drawn as one.
_RANKS: Final[Mapping[str, Sequence[str]]] = {
    "errors": ("brick", "amber", "plum", "teal", "blue"),
    "providers": ("blue", "amber", "teal", "plum", "olive"),
}
_BEYOND: Final[Mapping[str, str]] = {"errors": "classes", "providers": "providers"}
_DASHES: Final = {"warn": [2, 3], "fail": [7, 4]}
_CLOSE: Final = 0.11  # as a share of the scale: nearer than this, two labels would overlap
_LABEL_WIDTH: Final = 88
# A limit far above everything measured would press the curve flat; it is named instead of drawn.
_HIGHEST_LIMIT: Final = 2.5
_CLOCK_FROM_S: Final = 180.0  # longer runs are read in hours, minutes and seconds
_MARKED_UP_TO: Final = 90  # with more points, marks would hide the line
# Room for the numbers of both axes, the same on each chart, so that times stand above each other.
_LEFT, _RIGHT = 48, 44
STAGE_LABEL: Final = "stage-"  # its place in a model's name lets the page hide labels that don't fit


@dataclass(frozen=True, slots=True)
class _Chart:
    key: str
    title: str
    unit: str
    height: int
    right: str = ""  # the chart key of what has its scale on the right
    right_unit: str = ""


_CHARTS: Final = (
    _Chart("calls", "Calls per second, and users", "/s", 250, right="users"),
    _Chart("latency", "Latency, ms", "ms", 250),
    _Chart("ttft", "Time to first token, ms", "ms", 250),
    _Chart(
        "generator",
        "Load generator: how late its timers were, ms, and CPU, % of a core",
        "ms",
        180,
        right="generator_cpu",
        right_unit="%",
    ),
    _Chart(
        "websockets",
        "Open WebSockets, and messages per second on them",
        "",
        180,
        right="ws_messages",
        right_unit="/s",
    ),
    _Chart("memory", "Memory of the target, MB", "MB", 180),
    _Chart("providers", "Calls per second, by the provider that answered", "/s", 220),
    _Chart("errors", "Failed calls per second, by class", "/s", 220),
)


def chart_item(timeline: Timeline, stages: Sequence[StageRow]) -> dict[str, Any]:
    """All charts that there is data for, one above the other, with one time axis to zoom."""
    end_s = timeline.at_s[-1] + timeline.width_s
    x_range = Range1d(start=0, end=end_s, bounds=(0, end_s), min_interval=2 * timeline.width_s)
    figures = [
        _Drawing(chart, timeline, stages, x_range).figure for chart in _CHARTS if timeline.of(chart.key)
    ]
    return dict(json_item(column(*figures, sizing_mode="stretch_width", spacing=14)))


class _Drawing:
    """One chart."""

    def __init__(
        self, chart: _Chart, timeline: Timeline, stages: Sequence[StageRow], x_range: Range1d
    ) -> None:
        self._chart = chart
        self._timeline = timeline
        tracks = timeline.of(chart.key)
        self._tracks = _few(tracks) if chart.key in _RANKS else tracks
        self._limits = [limit for limit in timeline.limits if limit.chart == chart.key]
        self._x_range = x_range
        self._top = self._highest()
        self.figure = self._frame()
        self._shade(stages)
        self._draw_tracks()
        self._draw_limits()
        self._draw_marks()
        self._style()

    def _highest(self) -> float:
        values = [value for track in self._tracks for value in track.values if value is not None]
        highest = max(values, default=0.0) or 1.0
        limits = [limit.value for limit in self._limits if limit.value <= _HIGHEST_LIMIT * highest]
        return max(highest, *limits, 0.0) * ROOM_ABOVE

    def _frame(self) -> Any:
        zoom = BoxZoomTool(dimensions="width")
        frame = figure(
            title=self._chart.title,
            height=self._chart.height,
            sizing_mode="stretch_width",
            x_range=self._x_range,
            y_range=Range1d(start=0, end=self._top),
            tools=[zoom, PanTool(dimensions="width"), ResetTool()],
            active_drag=zoom,
            toolbar_location="above",
            min_border_left=_LEFT,
            min_border_right=_RIGHT,
        )
        above = dict.fromkeys(limit.name for limit in self._limits if limit.value > self._top)
        if above:
            beyond = Title(text=f"beyond the scale: {', '.join(above)}", standoff=2)
            beyond.update(text_font=FONT, text_font_size="11px", text_font_style="normal")
            beyond.text_color = light("muted")
            frame.add_layout(beyond, "above")
        return frame

    def _shade(self, stages: Sequence[StageRow]) -> None:
        """Every other stage in grey, warm-ups hatched; names on the first chart."""
        for i, stage in enumerate(stages):
            box = BoxAnnotation(
                left=stage.start_s,
                right=stage.end_s,
                fill_color=light("shade"),
                fill_alpha=0.07 if i % 2 else 0.0,
                line_color=None,
                level="underlay",
            )
            if stage.is_warmup:
                box.update(hatch_pattern="/", hatch_color=light("shade"), hatch_alpha=0.22, hatch_scale=10)
            self.figure.add_layout(box)
            if i:
                self.figure.add_layout(
                    Span(
                        location=stage.start_s,
                        dimension="height",
                        line_color=light("line"),
                        line_width=1,
                        level="underlay",
                    )
                )
            if self._chart.key == "calls":
                self.figure.add_layout(self._stage_label(i, stage))

    def _stage_label(self, i: int, stage: StageRow) -> Label:
        return label(
            f"{stage.name} (warm-up)" if stage.is_warmup and stage.name != "warm-up" else stage.name,
            light("muted"),
            x=(stage.start_s + stage.end_s) / 2,
            y=self._top,
            y_offset=-4,
            text_align="center",
            text_baseline="top",
            background_fill_color=None,
            name=f"{STAGE_LABEL}{i}",
            tags=[stage.start_s, stage.end_s],
        )

    def _draw_tracks(self) -> None:
        x = np.asarray(self._timeline.at_s, dtype=np.float32) + self._timeline.width_s / 2
        data: dict[str, Any] = {"x": x}
        for i, track in enumerate(self._tracks):
            data[f"y{i}"] = _floats(track.values)
        right = next(iter(self._timeline.of(self._chart.right)), None)
        if right is not None:
            data["right"] = _floats(right.values)
        source = ColumnDataSource(data)
        if right is not None:
            self._draw_right(source, right)
        drawn = []
        for i, track in enumerate(self._tracks):
            colour = self._colour(i, track)
            drawn.append(
                self.figure.line(
                    "x", f"y{i}", source=source, color=colour, line_width=2, legend_label=track.name
                )
            )
            if len(x) <= _MARKED_UP_TO:
                self.figure.scatter("x", f"y{i}", source=source, color=colour, size=3.5)
        self._hover(drawn[0], right)

    def _draw_right(self, source: ColumnDataSource, track: Track) -> None:
        known = [value for value in track.values if value is not None]
        self.figure.extra_y_ranges = {
            "right": Range1d(start=0, end=max(known, default=1.0) * ROOM_ABOVE or 1.0)
        }
        axis = LinearAxis(y_range_name="right", ticker=BasicTicker(desired_num_ticks=4))
        axis.update(formatter=NumeralTickFormatter(format="0,0"))
        self.figure.add_layout(axis, "right")
        self.figure.step(
            "x",
            "right",
            source=source,
            mode="center",
            color=light(_COLOURS[track.name]),
            line_width=1.5,
            line_dash=[5, 3],
            y_range_name="right",
            legend_label=f"{track.name} (right)",
        )

    def _hover(self, renderer: Any, right: Track | None) -> None:
        unit = self._chart.unit
        number = "0,0.0" if unit == "/s" else "0,0.[00]"
        shown = [(track.name, f"@y{i}{{{number}}} {unit}") for i, track in enumerate(self._tracks)]
        if right is not None:
            shown.append((right.name, f"@right{{0,0}} {self._chart.right_unit}".rstrip()))
        self.figure.add_tools(
            HoverTool(
                renderers=[renderer],
                mode="vline",
                point_policy="snap_to_data",
                line_policy="nearest",
                tooltips=[("at", "@x{0,0.0} s"), *shown],
            )
        )

    def _draw_limits(self) -> None:
        """A limit has its curve's colour; dotted lines warn, dashed ones fail."""
        drawn = sorted(
            (limit for limit in self._limits if limit.value <= self._top), key=lambda one: one.value
        )
        slot, below = 0, -self._top
        for limit in drawn:
            colour = light(next((c for p, c in _COLOURS.items() if limit.name.startswith(p)), "critical"))
            self.figure.line(
                [limit.start_s, limit.end_s],
                [limit.value] * 2,
                color=colour,
                line_dash=_DASHES[limit.severity],
                line_width=1.5,
            )
            # Names of lines close to each other stand side by side.
            slot = (slot + 1) % 3 if limit.value - below < _CLOSE * self._top else 0
            below = limit.value
            self.figure.add_layout(self._limit_label(limit, colour, slot))

    @staticmethod
    def _limit_label(limit: LimitLine, colour: str, slot: int) -> Label:
        place = {"x": limit.end_s, "y": limit.value, "x_offset": -4 - _LABEL_WIDTH * slot, "y_offset": 2}
        return label(limit.name, colour, **place)

    def _draw_marks(self) -> None:
        """What happened at one moment, across the whole height; its name on each chart."""
        for mark in self._timeline.marks:
            colour = light("critical")
            self.figure.add_layout(
                Span(location=mark.at_s, dimension="height", line_color=colour, line_width=2, name=mark.name)
            )
            text = f"{mark.name} at {since_start(mark.at_s)}"
            self.figure.add_layout(label(text, colour, x=mark.at_s, y=0, x_offset=-4, y_offset=4))

    def _colour(self, i: int, track: Track) -> str:
        ranks = _RANKS.get(self._chart.key)
        if ranks is not None:
            return light(ranks[i] if i < len(ranks) else "slate")
        return light(_COLOURS[track.name])

    def _style(self) -> None:
        drawn = self.figure
        style_frame(drawn)
        drawn.toolbar.logo, drawn.toolbar.autohide = None, True
        is_clock = self._timeline.at_s[-1] > _CLOCK_FROM_S
        drawn.xaxis.formatter = NumeralTickFormatter(format="00:00:00" if is_clock else "0,0")
        drawn.xaxis.ticker = AdaptiveTicker(
            base=60 if is_clock else 10,
            mantissas=[1, 2, 5, 10, 15, 30] if is_clock else [1, 2, 5],
            desired_num_ticks=6,
        )
        legend = style_legend(drawn)
        legend.items = sorted(legend.items, key=lambda entry: entry.label.value.endswith("(right)"))


def _few(tracks: Sequence[Track]) -> list[Track]:
    """The commonest, and the others as one."""
    ranked = sorted(tracks, key=lambda track: -sum(value or 0 for value in track.values))
    most = len(_RANKS[ranked[0].chart]) if ranked else 0
    rest = ranked[most:]
    if len(rest) < 2:
        return ranked
    together = tuple(
        sum(value or 0 for value in values) for values in zip(*(t.values for t in rest), strict=True)
    )
    chart = ranked[0].chart
    return [*ranked[:most], Track(chart, f"{len(rest)} other {_BEYOND[chart]}", together)]


def _floats(values: Sequence[float | None]) -> Any:
    # 32 bits are more than a screen shows, and half the size.
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float32)
