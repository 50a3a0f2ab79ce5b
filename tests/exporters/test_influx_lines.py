"""Line protocol: what is escaped, what is left out, and that nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tokenswarm.exporters.influx_lines import InfluxLines
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.standing import Standing

AT_NS = 1_700_000_000_000_000_000


def test_each_point_holds_what_came_since_the_last(
    measured: Delta, standing: Callable[..., Standing]
) -> None:
    """Two reports add up; after a point, counting begins anew."""
    lines = InfluxLines()
    lines.absorb(measured)
    lines.absorb(measured)
    first = [line for line in lines.take(standing(), AT_NS) if line.startswith("tokenswarm,")]
    assert len(first) == 4
    (good,) = (
        line
        for line in first
        if "outcome=success" in line and "stage=hold,p" in line and "provider" not in line
    )
    fields = dict(field.split("=") for field in good.rsplit(" ", 2)[1].split(","))
    assert (fields["calls"], fields["latency_count"], fields["output_tokens"]) == ("4i", "4i", "60.0")
    assert float(fields["latency_sum"]) == pytest.approx(0.6)
    assert float(fields["latency_p99"]) == pytest.approx(0.2, rel=0.005)
    assert good.endswith(f" {AT_NS}")
    again = lines.take(standing(), AT_NS + 1)
    assert not [line for line in again if line.startswith("tokenswarm,")]
    assert [line for line in again if line.startswith("tokenswarm_run,")]


def test_no_two_points_have_the_same_tags(standing: Callable[..., Standing]) -> None:
    """The second would replace the first: whatever labels differ in is a tag, or they are added up."""
    labels = [Labels(**{name: "x"}) for name in Labels._fields]
    lines = InfluxLines()
    lines.absorb(Delta(1.0, {SeriesKey(0, "hold", own): Series({"calls": 1}) for own in [*labels, Labels()]}))
    points = [line.split(" ") for line in lines.take(standing(), AT_NS) if line.startswith("tokenswarm,")]
    assert len({tags for tags, _, _ in points}) == len(points)
    assert sum(int(fields.removeprefix("calls=").rstrip("i")) for _, fields, _ in points) == len(labels) + 1


def test_tags_are_escaped_and_empty_ones_left_out(measured: Delta, standing: Callable[..., Standing]) -> None:
    """Commas, spaces, equals signs and line breaks of a model's name; a backslash at its end would escape."""
    lines = InfluxLines()
    lines.absorb(measured)
    for line in lines.take(standing(), AT_NS):
        assert "\n" not in line
        assert "=," not in line.replace("\\=", "")
        assert "= " not in line.replace("\\=", "")
    model = 'model=a\\ "model"\\,\\ with\\everything\\=\\ in\\ it'
    lines.absorb(measured)
    assert all(model in line for line in lines.take(standing(), AT_NS) if line.startswith("tokenswarm,"))


def test_thresholds_users_and_generators_are_points_of_their_own(standing: Callable[..., Standing]) -> None:
    """As whole numbers where they are states or counts."""
    lines = InfluxLines().take(standing(), AT_NS)
    run = "run=20260101-run,profile=own,target=gateway"
    assert f"tokenswarm_run,{run} users=7i,ws_open=2i,elapsed=30.0 {AT_NS}" in lines
    assert f"tokenswarm_generator,{run},worker=worker-1 calls=3i,lost=0i,cores=0.25 {AT_NS}" in lines
    assert f"tokenswarm_generator,{run},worker=worker-2 calls=1i,lost=1i {AT_NS}" in lines
    (unknown,) = (line for line in lines if "metric=overhead" in line)
    assert unknown.split(" ")[-2] == "state=-1i,limit=0.001"


def test_what_line_protocol_has_no_word_for_is_left_out(standing: Callable[..., Standing]) -> None:
    """NaN, infinities and half surrogates: the points around them are whole, and can be sent."""
    lines = InfluxLines()
    odd = Labels(prompt="short", model="half \ud800 and \0", outcome="success")
    lines.absorb(Delta(1.0, {SeriesKey(0, "hold", odd): Series({"calls": 1, "cost": float("nan")})}))
    (point,) = (line for line in lines.take(standing(), AT_NS) if line.startswith("tokenswarm,"))
    assert point.encode().endswith(b"outcome=success,model=half\\ \\ \\ and\\ \\  calls=1i %d" % AT_NS)


def test_each_monitor_is_a_point_of_its_own(monitored: Standing) -> None:
    """Gauges as they are, counters by what they grew since the last point; one that fails has none."""
    lines = InfluxLines()
    run = "run=20260101-run,profile=own,target=gateway"
    first = [line for line in lines.take(monitored, AT_NS) if line.startswith("tokenswarm_target,")]
    process = "target_memory=512000000.0,target_cpu=0.25,target_cores=0.5,target_threads=9.0"
    assert first[0] == f"tokenswarm_target,{run},monitor=process\\ litellm {process} {AT_NS}"
    assert len(first) == 2
    assert "target_requests=40.0,target_errors_total=2.0" in first[1]
    page = monitored.monitors[1]
    grown = replace(page, counters={**page.counters, "target_requests": 45.0})
    again = lines.take(replace(monitored, monitors=(grown,)), AT_NS + 1)
    (point,) = (line for line in again if line.startswith("tokenswarm_target,"))
    assert "target_requests=5.0,target_errors_total=0.0" in point
