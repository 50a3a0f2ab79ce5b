"""What the live display is told of the last seconds."""

from __future__ import annotations

import pytest

from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.swarm.recent import Recent

ALL = Selector()


def report(latencies_s: list[float], interval: int = 0, **labels: str) -> Delta:
    """One worker's report of successful calls."""
    latency, icl = Histogram(), Histogram()
    latency.fold(latencies_s)
    icl.fold(latencies_s)
    key = SeriesKey(interval, "hold", Labels(outcome="success", **labels))
    return Delta(1.0, {key: Series({"calls": len(latencies_s)}, {"latency": latency, "icl": icl})})


def test_recent_calls_are_those_of_the_last_five_seconds() -> None:
    """At second 10 the report of second 4 is forgotten; the rate is over five seconds."""
    recent = Recent()
    for at_s, latency_s in ((4.0, 9.0), (6.0, 0.1), (9.0, 0.2)):
        recent.absorb(report([latency_s] * 5), at_s)
    found = recent.at(10.0)
    assert found.read("request_rate", Aggregation("value"), ALL).value == 2.0
    assert found.read("latency", Aggregation("max"), ALL).value == 0.2
    assert recent.at(20.0).read("latency", Aggregation("max"), ALL).value is None


def test_labels_and_intervals_are_not_told_apart() -> None:
    """A look stays cheap with any number of them; each report counts."""
    recent = Recent()
    for i in range(100):
        recent.absorb(report([0.1], interval=i % 3, prompt=("short", "long")[i % 2]), 10 + i / 100)
    found = recent.at(11.0)
    assert found.read("latency", Aggregation("count"), ALL).samples == 100
    assert len(found.series) == 1
    assert found.histogram("icl", ALL).count == 0


def test_a_report_is_not_changed_by_being_shown() -> None:
    """The same delta goes into the run folder."""
    recent, delta = Recent(), report([0.1])
    recent.absorb(delta, 1.0)
    recent.absorb(report([0.3]), 1.1)
    recent.at(1.2)
    (series,) = delta.series.values()
    assert (series.counts["calls"], series.values["latency"].count) == (1, 1)
    assert series.values["latency"].mean == pytest.approx(0.1)
