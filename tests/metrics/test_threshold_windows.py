"""Lines over windows of time, and since when they were broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Span, StageSpan
from tokenswarm.metrics.thresholds import Status

from .lines import Rounding, calls, judged, line, measured, seconds


@pytest.mark.parametrize("window", ["over 10s", "for 10s"])
def test_window_needs_measurements_over_time(window: str) -> None:
    """A table of totals can't say how a figure went."""
    result = judged(line("latency", f"p(95) < 1s {window}"), Rounding(Reading.exact(0.1, 500)))
    assert result.status is Status.INCONCLUSIVE
    assert "over time" in result.reason


@pytest.mark.parametrize(
    ("failures", "expression", "status", "first_breach_s", "value"),
    [
        # 30% of ten seconds, but no three seconds in a row.
        ("x...x...x.", "< 50% over 3s", Status.PASS, None, 1 / 3),
        ("....xx....", "< 50% over 3s", Status.FAIL, 6.0, 2 / 3),
        ("....xx....", "< 50% over 5s", Status.PASS, None, 0.4),
        ("........xx", "< 50% over 3s", Status.FAIL, 10.0, 2 / 3),
        ("xxx.......", "< 50% for 4s", Status.PASS, None, 0.0),
        ("...xxxx...", "< 50% for 4s", Status.FAIL, 7.0, 1.0),
        ("x.x.x.x.x.", "< 50% for 2s", Status.PASS, None, 0.0),
        ("..........", "> 50% for 2s", Status.FAIL, 2.0, 0.0),
        ("..        ", "< 50% over 3s", Status.INCONCLUSIVE, None, 0.0),
        ("xx        ", "< 50% over 3s", Status.FAIL, 3.0, 1.0),
        ("xxx  .....", "< 50% for 4s", Status.INCONCLUSIVE, None, 1.0),
        ("xx  xx....", "< 50% for 7s", Status.PASS, None, 0.0),
        ("..........", "< 50% over 11s", Status.INCONCLUSIVE, None, None),
        ("....x.....", "< 50% over 200ms", Status.FAIL, 5.0, 1.0),
    ],
)
def test_windows(
    failures: str, expression: str, status: Status, first_breach_s: float | None, value: float | None
) -> None:
    """`over` judges each full window as one, `for` asks for a whole window of broken seconds."""
    result = judged(line("error_rate", expression), seconds(failures))
    assert result.status is status, result.reason
    assert result.first_breach_s == first_breach_s
    assert result.value == (value if value is None else pytest.approx(value))


def test_window_does_not_reach_over_a_warm_up() -> None:
    """Two judged stages with a warm-up between them are two stretches; neighbours are one."""
    stages = [StageSpan("a", 0, 3), StageSpan("b", 3, 6), StageSpan("w", 6, 9, True), StageSpan("c", 9, 12)]
    deltas = [calls(at_s, 10, stage="a" if at_s < 3 else "b") for at_s in range(6)]
    deltas += [calls(at_s, 10, stage="w", outcome="http_5xx") for at_s in range(6, 9)]
    deltas += [calls(at_s, 10, stage="c") for at_s in range(9, 12)]
    source = measured(*deltas, stages=stages)
    assert judged(line("error_rate", "<= 0% over 6s"), source).status is Status.PASS
    assert judged(line("error_rate", "<= 0% over 7s"), source).status is Status.INCONCLUSIVE
    assert judged(line("error_rate{stage:c}", "<= 0% over 3s"), source).status is Status.PASS


def test_window_of_a_stage_counts_whole_intervals_of_it() -> None:
    """A stage from 0.5 s to 4.5 s has three full intervals of one second."""
    deltas = [calls(at_s, 10) for at_s in range(5)]
    source = measured(*deltas, stages=[StageSpan("hold", 0.5, 4.5)])
    assert judged(line("error_rate", "<= 0% over 3s"), source).status is Status.PASS
    assert judged(line("error_rate", "<= 0% over 4s"), source).status is Status.INCONCLUSIVE


@given(
    st.lists(st.lists(st.floats(0.001, 10), max_size=4), min_size=1, max_size=14),
    st.integers(1, 6),
    st.sampled_from(["p(50) < 1s", "max < 2s", "avg > 1s", "count >= 3"]),
)
def test_sliding_windows_equal_windows_read_one_by_one(
    latencies: list[list[float]], width: int, expression: str
) -> None:
    """The fast way to read many windows gives what reading each by itself gives."""
    deltas = [
        calls(at_s, len(some), latency_s=some, prompt="short" if at_s % 2 else "long")
        for at_s, some in enumerate(latencies)
        if some
    ]
    source = measured(*deltas, stages=[StageSpan("hold", 0.0, float(len(latencies)))])
    fast = judged(line("latency", f"{expression} over {width}s"), source)
    slow = judged(line("latency", f"{expression} over {width}s"), _Opaque(source))
    assert (fast.status, fast.first_breach_s, fast.samples) == (
        slow.status,
        slow.first_breach_s,
        slow.samples,
    )
    assert fast.value == (slow.value if slow.value is None else pytest.approx(slow.value))


@dataclass(frozen=True)
class _Opaque:
    """The same measurements, known only by the protocol."""

    source: Measurements

    @property
    def stages(self) -> Sequence[StageSpan]:
        return self.source.stages

    def read(
        self, metric: str, aggregation: Aggregation, selector: Selector, span: Span | None = None
    ) -> Reading:
        return self.source.read(metric, aggregation, selector, span)

    def resolution_s(self) -> float:
        return self.source.resolution_s()


@pytest.mark.parametrize(
    ("failures", "expression", "first_breach_s"),
    [
        ("..........", "< 1%", None),
        ("...x......", "< 1%", 4.0),
        (".........x", "< 1%", 10.0),
        ("x.........", "< 20%", None),  # broken at first, held in the end: no breach
        ("xx........", "< 10%", 1.0),
    ],
)
def test_first_breach_is_when_the_figure_so_far_broke_the_line(
    failures: str, expression: str, first_breach_s: float | None
) -> None:
    """Without a window, what is judged is everything up to then."""
    assert judged(line("error_rate", expression), seconds(failures)).first_breach_s == first_breach_s


@pytest.mark.parametrize("broken_from", [0, 1, 59, 60, 399, 400, 419])
def test_first_breach_of_a_long_run_is_found_exactly(broken_from: int) -> None:
    """Looking at sixty points first loses nothing of a breach that stays."""
    source = seconds("." * broken_from + "x" * (420 - broken_from))
    assert judged(line("error_rate", "<= 0%"), source).first_breach_s == broken_from + 1


def test_quantile_is_not_called_broken_by_its_first_samples() -> None:
    """A slow first call is no breach of a p(95); twenty calls can be one."""
    source = measured(*(calls(at_s, 5, latency_s=0.5) for at_s in range(10)))
    assert judged(line("latency", "p(95) < 100ms"), source).first_breach_s == 4.0


def test_count_that_was_not_reached_is_broken_at_the_end() -> None:
    """It is too small all the time, but known to be only then."""
    assert judged(line("requests", "count >= 1000"), seconds("..........")).first_breach_s == 10.0
