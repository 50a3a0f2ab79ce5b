"""Charts as data: their numbers, their paths, what they leave out; and templates that name what they show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tokenswarm.report import to_html
from tokenswarm.report.chart import Axis, Chart, Curve, Rule, script_data
from tokenswarm.report.summary import StageRow, Timeline, Track
from tokenswarm.report.ticks import number_ticks, time_ticks
from tokenswarm.report.time_charts import time_charts

SECTIONS = Path(to_html.__file__).parent / "templates" / "sections"
AXIS = Axis("time", 0.0, 4.0, (0.5, 1.5, 2.5, 3.5), ())


def chart(values: Sequence[float | None], **more: object) -> Chart:
    """One curve over four intervals."""
    return Chart("calls", "Calls", "/s", AXIS, [Curve("calls/s", "blue", tuple(values))], **more)  # type: ignore[arg-type] # each test gives what it is about


def rule(value: float, name: str = "< 1") -> Rule:
    """A limit over all of it."""
    return Rule(name, "blue", "fail", value, 0.0, 4.0)


@pytest.mark.parametrize(
    ("high", "texts"),
    [
        (1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0.03, ["0.00", "0.01", "0.02", "0.03"]),
        (61.0, ["0", "20", "40", "60"]),
        (12_000.0, ["0", "5,000", "10,000"]),
    ],
)
def test_numbers_of_an_axis_are_round(high: float, texts: Sequence[str]) -> None:
    """From zero on, none beyond the end."""
    assert [tick.text for tick in number_ticks(0.0, high)] == texts


@pytest.mark.parametrize(
    ("end_s", "texts"),
    [
        (12.0, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s"]),
        (300.0, ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]),
        (7200.0, ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]),
        (86_400.0, ["0:00", "6:00:00", "12:00:00", "18:00:00", "24:00:00"]),
        (864_000.0, ["0:00", "48:00:00", "96:00:00", "144:00:00", "192:00:00", "240:00:00"]),
    ],
)
def test_times_of_an_axis_are_those_of_a_clock(end_s: float, texts: Sequence[str]) -> None:
    """Seconds in a short run; then steps that divide minutes, hours and days."""
    assert [tick.text for tick in time_ticks(0.0, end_s)] == texts


def test_a_curve_is_broken_where_nothing_was_measured() -> None:
    """What stands alone is a point: a line of no length."""
    drawn = chart([0.0, None, 10.0, 5.0])
    (curve,) = drawn.curves
    top = drawn.height_of(10.0)
    assert drawn.path(curve) == f"M1250 10000h0M6250 {round((1 - top) * 10_000)}L8750 5536"
    assert drawn.dots(curve).count("M") == 3
    assert drawn.area(curve).count("z") == 2


def test_nothing_but_zeros_lies_on_the_ground() -> None:
    """There is no height to divide by."""
    drawn = chart([0.0, 0.0, 0.0, 0.0])
    assert drawn.path(drawn.curves[0]) == "M1250 10000L3750 10000L6250 10000L8750 10000"


def test_a_limit_makes_room_and_one_far_above_is_named() -> None:
    """It would press the curve flat."""
    drawn = chart([1.0, 2.0, 3.0, 4.0], rules=[rule(8.0, "near"), rule(11.0, "far")])
    assert [(one.name, drawn.height_of(one.value) < 1) for one in drawn.rules] == [("near", True)]
    assert drawn.beyond == ("far",)


def test_labels_of_close_limits_stand_side_by_side() -> None:
    """The third one as well; one with room above begins anew."""
    drawn = chart([100.0] * 4, rules=[rule(50.0), rule(52.0), rule(54.0), rule(90.0)])
    assert [one.slot for one in drawn.rules] == [0, 1, 2, 0]


def test_labels_of_limits_never_lie_on_each_other() -> None:
    """What fails the run is named first; what has no room is named beside the title."""
    rules = [replace(rule(value, f"< {value:g}"), severity="warn") for value in (10.0, 11.0)]
    rules += [rule(value, f"< {value:g}") for value in (12.0, 13.0)]
    drawn = chart([100.0] * 4, rules=rules)
    assert {one.name: one.slot for one in drawn.rules} == {"< 10": 2, "< 11": None, "< 12": 0, "< 13": 1}
    assert drawn.unnamed == ("< 11",)


def test_a_limit_of_a_stage_that_is_the_whole_runs_too_is_drawn_once() -> None:
    """Its label would stand there twice. One that ends later is another."""
    stage = replace(rule(50.0), start=2.0)
    assert len(chart([100.0] * 4, rules=[stage, rule(50.0)]).rules) == 1
    assert len(chart([100.0] * 4, rules=[replace(stage, end=5.0), rule(50.0)]).rules) == 2


def test_a_share_ends_at_a_hundred_per_cent() -> None:
    """There is nothing above it."""
    assert chart([100.0] * 4, most=100.0).top == 100.0


def test_a_chart_says_in_words_what_it_shows() -> None:
    """For who can't see it."""
    assert chart([2.0, None, 10.0, 5.0]).description == "Calls: calls/s from 2.00 to 10.0."


def test_axes_are_sent_once() -> None:
    """Six hundred places for each chart would be half of the page."""
    data = script_data([chart([1.0] * 4), chart([2.0] * 4)])
    assert list(data["axes"]) == ["time"]
    assert data["charts"]["calls"]["curves"] == [{"name": "calls/s", "values": (2.0, 2.0, 2.0, 2.0)}]


def timeline(*tracks: Track) -> Timeline:
    """Three seconds."""
    return Timeline(1.0, (0.0, 1.0, 2.0), tracks, ())


def test_rare_classes_are_one_line() -> None:
    """The commonest five have theirs."""
    tracks = [Track("errors", f"class {n}", (float(n), 0.0, None)) for n in range(8)]
    (drawn,) = time_charts(timeline(*tracks), ())
    assert [curve.name for curve in drawn.curves] == [f"class {n}" for n in (7, 6, 5, 4, 3)] + [
        "3 other classes"
    ]
    assert drawn.curves[-1].values == (3.0, 0.0, 0.0)


def test_users_are_drawn_only_where_they_are_the_load() -> None:
    """With open arrivals they are places that calls may take."""
    users, calls = Track("users", "users", (1.0,) * 3), Track("calls", "calls/s", (1.0,) * 3)
    planned = Track("calls", "planned calls/s", (1.0,) * 3)
    assert [one.key for one in time_charts(timeline(calls, users), ())] == ["calls", "users"]
    assert [one.key for one in time_charts(timeline(calls, planned, users), ())] == ["calls"]


def test_stages_lie_behind_every_chart() -> None:
    """Every other one shaded, warm-ups hatched."""
    stages = [StageRow(f"s{n}", float(n), n + 1.0, n == 0, 1, 1, 1.0, 0.0, None) for n in range(3)]
    (drawn,) = time_charts(timeline(Track("calls", "calls/s", (1.0,) * 3)), stages)
    assert [(band.is_odd, band.is_warmup) for band in drawn.bands] == [
        (False, True),
        (True, False),
        (False, False),
    ]


@pytest.mark.parametrize("name", to_html.SECTIONS)
def test_each_section_is_named_and_each_table_has_a_caption(name: str) -> None:
    """Screen readers list both; heads say what they head."""
    source = (SECTIONS / f"{name}.html.j2").read_text(encoding="utf-8")
    assert re.findall("<section(?![^>]*aria-labelledby)", source) == []
    assert source.count("<table") == source.count("<caption")
    for head in re.findall("<thead>.*?</thead>", source, re.DOTALL):
        assert re.findall(r"<th(?=[ >])(?![^>]*scope=)", head) == []


def test_every_partial_is_shown() -> None:
    """One that is in no list would be forgotten."""
    assert {file.name.split(".")[0] for file in SECTIONS.iterdir()} == set(to_html.SECTIONS)
