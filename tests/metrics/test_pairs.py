"""Pairs of runs: what they say, and how often they are wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tokenswarm.metrics.pairs import Answer, Finding, Question, answer_all, holm, overall

MARGIN = math.log(1.05)
DOCS = Path(__file__).parents[2] / "docs" / "comparing.md"


def ask(*worse: float, margin: float = MARGIN, rounding: float = 0.0) -> Answer:
    """The answer to one figure alone."""
    return answer_all({"latency": Question(worse, margin, rounding)})["latency"]


def test_interval_and_p_value_are_those_of_a_paired_t_test() -> None:
    """A textbook's sum: mean 0.03, s = 0.0163 over four pairs: t = 3.674 with three degrees of freedom."""
    answer = ask(0.01, 0.03, 0.03, 0.05)
    error = math.sqrt(0.0008 / 3) / 2
    assert answer.mean == pytest.approx(0.03)
    assert (answer.low, answer.high) == pytest.approx(
        (0.03 - 3.1824 * error, 0.03 + 3.1824 * error), abs=1e-6
    )
    assert answer.p == pytest.approx(0.0349, abs=1e-4)


def test_worse_beyond_the_margin_for_sure_is_regressed() -> None:
    """Ten per cent, four times alike."""
    assert ask(0.10, 0.11, 0.09, 0.10).finding is Finding.REGRESSED


def test_worse_by_less_than_the_margin_is_equivalent() -> None:
    """Surely slower, and surely by so little that nobody minds."""
    answer = ask(0.010, 0.012, 0.011, 0.009)
    assert answer.p is not None
    assert answer.p < 0.05
    assert answer.finding is Finding.EQUIVALENT


def test_a_wide_interval_is_inconclusive() -> None:
    """Ten per cent in the mean, but it might be nothing."""
    assert ask(0.4, -0.3, 0.5, -0.2).finding is Finding.INCONCLUSIVE


def test_worse_for_sure_but_perhaps_within_the_margin_is_inconclusive() -> None:
    """The mean is below the margin, the interval's end above it."""
    assert ask(0.02, 0.06, 0.03, 0.05).finding is Finding.INCONCLUSIVE


def test_better_is_no_regression() -> None:
    """And said to be better."""
    answer = ask(-0.2, -0.21, -0.19, -0.2)
    assert answer.finding is Finding.EQUIVALENT
    assert answer.is_improved


def test_one_pair_proves_nothing() -> None:
    """Nor do none."""
    for answer in (ask(3.0), ask()):
        assert answer.finding is Finding.INCONCLUSIVE
        assert answer.mean is None


def test_the_same_loss_in_every_pair_is_regressed() -> None:
    """A share that falls from all to none each time has no spread at all."""
    assert ask(1.0, 1.0, 1.0, margin=0.02).finding is Finding.REGRESSED


def test_equal_rounded_figures_are_no_proof_of_no_spread() -> None:
    """Two neighbouring buckets, the same in each pair, are a difference of rounding."""
    assert ask(0.0, 0.0).p == 1.0
    answer = ask(0.01, 0.01, rounding=0.004)
    assert answer.p is not None
    assert answer.p > 0.05
    assert answer.high is not None
    assert answer.high > 0.03


def test_holm_multiplies_the_smallest_by_all_and_the_next_by_one_less() -> None:
    """As in Holm's paper; never above one, and never in another order."""
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.6}) == {
        "a": pytest.approx(0.04),
        "c": pytest.approx(0.09),
        "b": pytest.approx(0.09),
        "d": pytest.approx(0.6),
    }
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_more_figures_need_more_evidence() -> None:
    """What one figure alone would call regressed is not when it is the luckiest of ten."""
    worse = (0.01, 0.06, 0.09, 0.13, 0.12, 0.02)
    assert ask(*worse).finding is Finding.REGRESSED
    noise = {f"other {n}": Question((0.1, -0.1, 0.1, -0.1, 0.1, -0.1), MARGIN) for n in range(9)}
    assert (
        answer_all({"latency": Question(worse, MARGIN), **noise})["latency"].finding is Finding.INCONCLUSIVE
    )


def test_the_gravest_finding_is_that_of_all() -> None:
    """One regression is enough, equivalence takes them all."""
    assert overall([Finding.EQUIVALENT, Finding.REGRESSED, Finding.INCONCLUSIVE]) is Finding.REGRESSED
    assert overall([Finding.EQUIVALENT, Finding.INCONCLUSIVE]) is Finding.INCONCLUSIVE
    assert overall([Finding.EQUIVALENT] * 2) is Finding.EQUIVALENT
    assert overall([]) is Finding.INCONCLUSIVE


# ---- how often it is wrong, and how often it finds what is there --------------------------------------

FIGURES = ("ttft p50", "ttft p95", "latency p50", "latency p95")
PAIRS, CALLS, REPEATS = 8, 200, 1000


@dataclass(frozen=True)
class World:
    """A kind of machine: `unrest` is by how much whole runs differ (σ of log), whatever they measure.

    `drift` is by how much it slows down from the first run to the last, `hiccups` the share of runs that
    something slows by 30 %.
    """

    unrest: float
    drift: float = 0.0
    hiccups: float = 0.0


WORLDS = {
    "quiet": World(0.01),
    "shared": World(0.05),
    "shared, slowing down by 30 %": World(0.05, drift=0.3),
    "shared, a tenth of the runs slowed by 30 %": World(0.05, hiccups=0.1),
}


def legs(world: World, slower: float, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Percentiles of each run: figure → repetitions × pairs × (A, B)."""
    shape = (REPEATS, PAIRS, 2)
    # Blocks of two pairs, ABBA or BAAB: the first pair's order by chance, the second's its mirror.
    first = rng.integers(0, 2, (REPEATS, PAIRS // 2, 1))
    b_is_second = np.concatenate([first, 1 - first], axis=2).reshape(REPEATS, PAIRS)
    at = 2 * np.arange(PAIRS)[None, :, None] + np.stack([1 - b_is_second, b_is_second], axis=2)
    mood = np.exp(world.unrest * rng.standard_normal(shape)) * (1 + world.drift * at / (2 * PAIRS - 1))
    mood = mood * np.where(rng.random(shape) < world.hiccups, 1.3, 1.0)
    mood[..., 1] *= 1 + slower
    ttft = np.exp(0.25 * rng.standard_normal((*shape, CALLS), dtype=np.float32)) * mood[..., None]
    latency = ttft + 1.5 * np.exp(0.3 * rng.standard_normal(ttft.shape, dtype=np.float32)) * mood[..., None]
    found = {}
    for name, times in (("ttft", ttft), ("latency", latency)):
        ranks = {"p50": CALLS // 2, "p95": int(0.95 * CALLS), "p99": int(0.99 * CALLS)}
        times.partition(tuple(ranks.values()), axis=-1)
        found |= {f"{name} {figure}": times[..., rank] for figure, rank in ranks.items()}
    return found


def findings(found: Mapping[str, NDArray[np.float64]]) -> list[Finding]:
    """What each repetition says, over all figures."""
    worse = {name: np.log(runs[..., 1] / runs[..., 0]).tolist() for name, runs in found.items()}
    return [
        overall(
            [
                answer.finding
                for answer in answer_all(
                    {name: Question(tuple(worse[name][i]), MARGIN) for name in FIGURES}
                ).values()
            ]
        )
        for i in range(REPEATS)
    ]


def single_alarms(found: Mapping[str, NDArray[np.float64]]) -> float:
    """How often one run against one other would call a regression, with the limits of `compare`."""
    limits = {"p95": 1.25, "p99": 1.2}
    ratios = {name: runs[:, 0, 1] / runs[:, 0, 0] for name, runs in found.items()}
    beyond = [ratio > limits[name[-3:]] for name, ratio in ratios.items() if name[-3:] in limits]
    return float(np.mean(np.any(beyond, axis=0)))


def share_of(wanted: Finding, said: list[Finding]) -> float:
    return said.count(wanted) / len(said)


@pytest.fixture(scope="module")
def rates() -> dict[str, dict[str, float]]:
    """World → what its pairs say how often."""
    table = {}
    for number, (name, world) in enumerate(WORLDS.items()):
        rng = np.random.default_rng(2024 + number)
        same, slower = legs(world, 0.0, rng), legs(world, 0.10, rng)
        said_of_same = findings(same)
        table[name] = {
            "alarms": share_of(Finding.REGRESSED, said_of_same),
            "equivalent": share_of(Finding.EQUIVALENT, said_of_same),
            "power": share_of(Finding.REGRESSED, findings(slower)),
            "single": single_alarms(same),
        }
    return table


def test_identical_builds_are_rarely_called_regressed(rates: Mapping[str, Mapping[str, float]]) -> None:
    """In 2.5 % of comparisons at most, since 5 % are the risk on both sides together."""
    for world, of_world in rates.items():
        assert of_world["alarms"] <= 0.025 + 0.01, world


def test_ten_per_cent_are_found(rates: Mapping[str, Mapping[str, float]]) -> None:
    """Nearly always on a quiet machine, and mostly on one that is shared."""
    assert rates["quiet"]["power"] > 0.98
    assert rates["shared"]["power"] > 0.6


def test_the_detectable_change_is_detected_as_often_as_promised() -> None:
    """Of a change as large as is said to be detectable, 80 % are found, give or take."""
    rng = np.random.default_rng(5)
    sigma, margin = 0.06, math.log(1.02)
    error = sigma / math.sqrt(PAIRS)
    known = ask(*(sigma * np.asarray([1, -1] * (PAIRS // 2)) * math.sqrt((PAIRS - 1) / PAIRS)), margin=margin)
    assert known.detectable is not None
    assert 2.5 * error < known.detectable < 4 * error
    worse = known.detectable + sigma * rng.standard_normal((2000, PAIRS))
    found = [ask(*row, margin=margin).finding is Finding.REGRESSED for row in worse.tolist()]
    assert 0.72 < np.mean(found) < 0.88


def test_the_docs_publish_what_the_simulation_finds(rates: Mapping[str, Mapping[str, float]]) -> None:
    """Row by row, within three points; to write them anew, take the figures from this test's failure."""
    columns = ("alarms", "equivalent", "power", "single")
    published = dict(re.findall(r"^\| (\w[^|]*?) \| ([\d. %|]+) \|$", DOCS.read_text("utf-8"), re.MULTILINE))
    for world, of_world in rates.items():
        measured = [100 * of_world[column] for column in columns]
        said = [float(cell.strip().removesuffix("%")) for cell in published.get(world, "").split("|") if cell]
        assert said == pytest.approx(measured, abs=3), (world, measured)
