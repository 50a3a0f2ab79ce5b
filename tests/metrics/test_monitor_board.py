"""What monitors have read so far: what is shown of it, and what no longer."""

from __future__ import annotations

from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.kept_samples import KeptSamples
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.monitor_board import MonitorBoard


def test_gauges_are_the_last_and_counters_add_up() -> None:
    """A counter's first sample is where counting begins; its speed is that of the last two readings."""
    board = MonitorBoard(["page"])
    for at_s, memory, grown in ((1.0, 5.0, 0.0), (2.0, 7.0, 10.0), (4.0, 6.0, 30.0)):
        board.take(Sample(at_s, "page", "target_memory", memory))
        board.take(Sample(at_s, "page", "target_requests", grown))
    (page,) = board.standings()
    assert (page.name, page.problem) == ("page", "")
    assert (page.gauges, page.counters, page.per_s) == (
        {"target_memory": 6.0},
        {"target_requests": 40.0},
        {"target_requests": 15.0},
    )


def test_what_can_no_longer_be_read_is_no_longer_shown() -> None:
    """Of the failing monitor alone, until it is back; what its counters had grown by stays true."""
    board = MonitorBoard(["page", "process"])
    for source in ("page", "process"):
        board.take(Sample(1.0, source, "target_memory", 5.0))
        board.take(Sample(1.0, source, "target_requests", 3.0))
    board.set_problem("page", "HTTP 500")
    page, process = board.standings()
    assert (page.problem, page.gauges, page.counters) == ("HTTP 500", {}, {"target_requests": 3.0})
    assert process.gauges == {"target_memory": 5.0}
    board.set_problem("page", "")
    board.take(Sample(2.0, "page", "target_memory", 6.0))
    assert board.standings()[0].gauges == {"target_memory": 6.0}
    assert not board.standings()[0].problem


def test_a_monitor_that_has_read_nothing_yet_is_there() -> None:
    """Who watches sees what is watched."""
    assert [monitor.name for monitor in MonitorBoard(["a", "b"]).standings()] == ["a", "b"]


def test_only_samples_that_are_asked_for_are_kept_and_not_for_ever() -> None:
    """A share's counters belong to it; a run without an end keeps the last of them."""
    one, two = Measurements(), Measurements()
    kept = KeptSamples(("target_memory", "redis_hit_rate"), one, two)
    for name in ("target_memory", "target_cpu", "redis_hits", "redis_misses", "redis_memory"):
        kept.take(Sample(1.0, "source", name, 1.0))
    assert [sample.name for sample in one.samples] == ["target_memory", "redis_hits", "redis_misses"]
    for number in range(50_000):
        kept.take(Sample(float(number), "source", "target_memory", 1.0))
    assert len(one.samples) == len(two.samples) <= 20_000
    assert one.samples.of("target_memory")[-1].at_s == 49_999.0
    assert one.samples.of("redis_hits"), "a gauge that is read often pushed another out"
