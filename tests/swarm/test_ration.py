"""How wide intervals are written."""

from __future__ import annotations

from tokenswarm.metrics.interval import MOST_INTERVALS
from tokenswarm.swarm.ration import Ration


def written(total_s: float | None, per_interval: int, lasts_s: float, most_bytes: int = 1_000_000) -> Ration:
    """A run that writes so many bytes with each interval, however wide."""
    ration = Ration(total_s, most_bytes)
    ration.width_s, at_s = 1.0, 0.0
    while at_s < lasts_s:
        at_s += ration.width_s
        ration.spend(per_interval)
        ration.look(at_s)
    return ration


def test_a_run_that_fits_keeps_the_width_of_its_plan() -> None:
    """Nine tenths of the share in 600 intervals of a second."""
    ration = written(600, 1_500, 600)
    assert (ration.width_s, ration.written) == (1.0, 900_000)


def test_a_run_that_would_not_fit_is_written_coarser() -> None:
    """Ten times too much for each interval, and the file still keeps within its share."""
    ration = written(600, 15_000, 600)
    assert ration.width_s > 1.0
    assert ration.written <= 1_000_000


def test_a_run_without_an_end_gets_ever_wider_intervals() -> None:
    """A week without a plan: a few more than the intervals of a planned run each time the width doubles."""
    week_s = 7 * 86_400
    ration = written(None, 1, week_s, 10**9)
    assert week_s / ration.width_s <= 2 * MOST_INTERVALS
    assert ration.written <= 12 * MOST_INTERVALS
