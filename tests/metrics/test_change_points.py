"""Changes of level are found where they are, seldom where there are none, and one bad run is none."""

from __future__ import annotations

from random import Random

import pytest

from tokenswarm.metrics.change_points import ChangePoint, change_points


def noisy(levels: list[tuple[float, int]], spread: float, seed: int) -> list[float]:
    """So many runs at each level, log-normal round it."""
    rng = Random(seed)
    return [level * rng.lognormvariate(0, spread) for level, count in levels for _ in range(count)]


def test_a_step_is_found_where_it_is() -> None:
    """A quarter slower from run 20 on, among 5 % of noise."""
    for seed in range(10):
        (point,) = change_points(noisy([(100, 20), (125, 10)], 0.05, seed))
        assert abs(point.index - 20) <= 1
        assert point.change == pytest.approx(0.25, abs=0.08)
        assert point.p <= 0.01


def test_a_change_in_the_last_runs_is_found() -> None:
    """Nobody wants to wait for a month of runs: four of thirty are enough for a clear one."""
    found = [change_points(noisy([(100, 26), (140, 4)], 0.04, seed)) for seed in range(10)]
    assert sum(len(points) == 1 and points[0].index == 26 for points in found) >= 9


def test_equal_runs_seldom_show_a_change() -> None:
    """About one row in a hundred, whatever the noise is like."""
    found = sum(
        bool(change_points(noisy([(100, 30)], spread, seed))) for seed in range(50) for spread in (0.05, 0.4)
    )
    assert found <= 4


def test_one_bad_run_is_no_change() -> None:
    """Nor does it hide one."""
    values = noisy([(100, 30)], 0.03, 1)
    values[12] = 5000.0
    assert change_points(values) == []
    values = noisy([(100, 15), (130, 15)], 0.03, 2)
    values[5] = 9000.0
    assert [abs(point.index - 15) <= 1 for point in change_points(values)] == [True]


def test_there_and_back_are_two_changes() -> None:
    """Each side is looked at again."""
    points = change_points(noisy([(100, 15), (150, 15), (100, 15)], 0.04, 3))
    assert [round(point.index / 15) for point in points] == [1, 2]
    assert points[0].change > 0.3 > -0.2 > points[1].change


def test_what_can_not_be_told_is_not_told() -> None:
    """Too few runs, equal ones, and changes that concern nobody."""
    assert change_points([]) == []
    assert change_points([1.0, 1.0, 9.0, 9.0, 9.0]) == []
    assert change_points([5.0] * 50) == []
    assert change_points([100.0] * 20 + [101.0] * 20) == []


def test_shares_that_were_nothing_can_rise() -> None:
    """No logarithm, and no share of the level before."""
    (point,) = change_points([0.0] * 15 + [0.02] * 15)
    assert point == ChangePoint(15, 0.0, 0.02, point.p)
    assert point.change == float("inf")


def test_the_same_values_give_the_same_answer() -> None:
    """Chance is in the test, not in the result."""
    values = noisy([(100, 12), (112, 12)], 0.06, 9)
    assert change_points(values) == change_points(list(values))
