"""The climb of an open profile as a Bokeh figure: how late answers are at each rate, and where it broke."""

from __future__ import annotations

from math import isnan, nan
from typing import Any, Final

from bokeh.embed import json_item
from bokeh.models import (
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from tokenswarm.report.chart_style import ROOM_ABOVE, label, light, style_frame, style_legend
from tokenswarm.report.figures import plain_rate
from tokenswarm.report.summary import Breakpoint

_TICKS: Final = 12  # more numbers would run into each other
# key of a step, name, colour; from the due time first: a target that can't keep up shows there
_CURVES: Final = (
    ("effective_latency_p95_ms", "from due time", "plum"),
    ("latency_p95_ms", "latency", "amber"),
    ("ttft_p95_ms", "first token", "blue"),
)
# field of the breakpoint, word, colour, and how far below the top its label stands
_KNEE: Final = (("held_rate", "held", "good", 4), ("broke_rate", "broke", "critical", 22))


def climb_item(climb: Breakpoint) -> dict[str, Any]:
    """The chart as a JSON item that a page embeds."""
    rates = [step.rate for step in climb.steps]
    columns: dict[str, list[float]] = {
        "rate": rates,
        "achieved": [_nan(step.request_rate) for step in climb.steps],
    }
    columns |= {key: [_nan(getattr(step, key)) for step in climb.steps] for key, _, _ in _CURVES}
    known = [value for key, _, _ in _CURVES for value in columns[key] if not isnan(value)]
    drawn = _frame(rates, max(known, default=1.0) * ROOM_ABOVE or 1.0)
    source = ColumnDataSource(dict(columns))
    tooltips = [("planned", "@rate{0,0.[0]} /s"), ("ended", "@achieved{0,0.[0]} /s")]
    for key, name, colour in _CURVES:
        if all(isnan(value) for value in columns[key]):
            continue
        shade = light(colour)
        line = drawn.line("rate", key, source=source, color=shade, line_width=2, legend_label=f"{name} p95")
        drawn.scatter("rate", key, source=source, color=shade, size=6)
        tooltips.append((name, f"@{key}{{0,0.[00]}} ms"))
    if len(tooltips) > 2:
        drawn.add_tools(HoverTool(renderers=[line], mode="vline", tooltips=tooltips))
        style_legend(drawn)
    _mark_knee(drawn, climb)
    return dict(json_item(drawn))


def _frame(rates: list[float], top: float) -> Any:
    drawn: Any = figure(
        title="p95, ms, against planned calls per second",
        height=260,
        sizing_mode="stretch_width",
        x_axis_type="log",  # each step of a climb is a multiple of the one before
        x_range=Range1d(start=rates[0] / 1.15, end=rates[-1] * 1.15),
        y_range=Range1d(start=0, end=top),
        tools=[],
        toolbar_location=None,
    )
    style_frame(drawn)
    drawn.xaxis.ticker = FixedTicker(ticks=rates[:: -(-len(rates) // _TICKS)])
    drawn.xaxis.formatter = NumeralTickFormatter(format="0,0.[0]")
    return drawn


def _mark_knee(drawn: Any, climb: Breakpoint) -> None:
    for field, word, colour, below in _KNEE:
        rate = getattr(climb, field)
        if rate is None:
            continue
        shade = light(colour)
        drawn.add_layout(
            Span(location=rate, dimension="height", line_color=shade, line_dash=[7, 4], line_width=2)
        )
        place = {"x": rate, "y": drawn.y_range.end, "x_offset": -4, "y_offset": -below}
        text = f"{word} {plain_rate(rate)}/s"
        drawn.add_layout(label(text, shade, **place, text_baseline="top", name=f"knee-{word}"))


def _nan(value: float | None) -> float:
    return nan if value is None else value
