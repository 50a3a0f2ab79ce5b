"""Latency against load as a chart: the climb of an open profile, or the levels that any run went through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from tokenswarm.report.chart import Axis, Chart, Curve, Line
from tokenswarm.report.figures import plain_rate
from tokenswarm.report.load_curve import LoadCurve
from tokenswarm.report.summary import Breakpoint
from tokenswarm.report.ticks import Tick, number_ticks

_TICKS: Final = 8  # more numbers would run into each other
# key of a step, name, colour; from the due time first: a target that can't keep up shows there
_OF_STEPS: Final = (
    ("effective_latency_p95_ms", "from due time p95", "plum"),
    ("latency_p95_ms", "latency p95", "amber"),
    ("ttft_p95_ms", "first token p95", "blue"),
)
_OF_LEVELS: Final = (
    ("latency_p99_ms", "latency p99", "plum"),
    ("latency_p95_ms", "latency p95", "amber"),
    ("latency_p50_ms", "latency p50", "blue"),
    ("ttft_p95_ms", "first token p95", "teal"),
)
# field of the breakpoint, word, colour
_ENDS: Final = (("held_rate", "held", "good"), ("broke_rate", "broke", "critical"))


def climb_chart(climb: Breakpoint) -> Chart:
    """p95 against the planned rate, on a log scale: each step is a multiple of the one before."""
    rates = [step.rate for step in climb.steps]
    lines = [
        Line(math.log10(rate), f"{word} {plain_rate(rate)}/s", colour)
        for field, word, colour in _ENDS
        if (rate := getattr(climb, field)) is not None
    ]
    ticks = tuple(Tick(math.log10(rate), plain_rate(rate)) for rate in rates[:: -(-len(rates) // _TICKS)])
    axis = Axis(
        "climb",
        math.log10(rates[0] / 1.15),
        math.log10(rates[-1] * 1.15),
        tuple(math.log10(rate) for rate in rates),
        ticks,
        tuple(f"{plain_rate(rate)} planned/s" for rate in rates),
    )
    curves = _curves(climb.steps, _OF_STEPS)
    return Chart("climb", "p95 against planned calls per second", "ms", axis, curves, height=230, lines=lines)


def load_chart(curve: LoadCurve) -> Chart:
    """Percentiles against what was offered."""
    loads = [level.load for level in curve.levels]
    high = loads[-1] * 1.04
    what = "users" if curve.of == "users" else "planned/s"
    axis = Axis(
        "load",
        0.0,
        high,
        tuple(loads),
        number_ticks(0.0, high, _TICKS),
        tuple(
            f"{plain_rate(level.load)} {what}, {plain_rate(level.request_rate)} calls/s"
            for level in curve.levels
        ),
    )
    lines = [] if curve.knee is None else [Line(curve.knee, f"knee {plain_rate(curve.knee)}", "unsure")]
    title = f"Latency against {'users' if curve.of == 'users' else 'planned calls per second'}"
    return Chart("load", title, "ms", axis, _curves(curve.levels, _OF_LEVELS), height=230, lines=lines)


def _curves(rows: Sequence[object], kinds: Sequence[tuple[str, str, str]]) -> list[Curve]:
    curves = [Curve(name, colour, tuple(getattr(row, key) for row in rows)) for key, name, colour in kinds]
    return [curve for curve in curves if any(value is not None for value in curve.values)]
