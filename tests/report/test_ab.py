"""A/B comparisons: what runs say together, and how it is shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.errors import ConfigurationError, RunFolderError, TokenswarmError
from tokenswarm.report import ab_to_html, ab_to_markdown, ab_to_text
from tokenswarm.report.ab import AbResult, Leg, Side
from tokenswarm.report.ab_analysis import analyse, result_of
from tokenswarm.report.ab_plan import AbPlan, chosen_figures, orders_of
from tokenswarm.report.ab_write import write_ab
from tokenswarm.report.forest import forest_of

NOISE = (1.0, 1.01, 0.99, 1.005, 0.995, 1.01, 0.99, 1.0)


def plan_of(pairs: int = 8, **changes: Any) -> AbPlan:
    """A plan whose pairs were all measured."""
    given: dict[str, Any] = {
        "profile": "smoke",
        "a": Side("http://a.example", "http://a.example"),
        "b": Side("http://b.example", "http://b.example"),
        "orders": orders_of(pairs, Random(1)),
        "figures": chosen_figures((), ()),
        "seed": 1,
        "time_scale": 1.0,
        "tool": "tokenswarm 0.1.0",
        "started_at": "2026-01-31T12:00:00+00:00",
        "command": "tokenswarm ab smoke",
        "environment": {"cores": 2},
        "state": "finished",
        **changes,
    }
    return AbPlan(**given)


def legs_of(a: Sequence[Mapping[str, float]], b: Sequence[Mapping[str, float]]) -> list[Leg]:
    """One leg a side and pair."""
    return [
        Leg(pair, side, f"{pair:02}-{side}", "pass", figures)
        for pair, both in enumerate(zip(a, b, strict=True), start=1)
        for side, figures in zip("ab", both, strict=True)
    ]


def figures(latency_ms: float, succeeded: float = 1.0) -> dict[str, float]:
    """What one run measured."""
    return {"latency:p50": latency_ms, "latency:p95": 2 * latency_ms, "success_rate": succeeded}


def result(slower: float = 1.0, succeeded: float = 1.0, **changes: Any) -> AbResult:
    """B's runs are slower by so much, give or take the noise."""
    a = [figures(100.0) for _ in NOISE]
    b = [figures(100.0 * slower * noise, succeeded) for noise in NOISE]
    return result_of(plan_of(**changes), legs_of(a, b))


def test_a_slower_b_is_regressed_with_exit_code_99() -> None:
    """The sentence names what, by how much and how surely."""
    found = result(1.15)
    assert (found.outcome, found.exit_code) == ("regressed", 99)
    assert re.search(
        r"latency:p50 changed by \+15\.0% \(95% interval \+14\.\d% to \+15\.\d%\)", found.sentence
    )


def test_who_divides_b_by_a_comes_to_the_change() -> None:
    """However far the runs lie apart: of medians the quotient would be another."""
    a = [figures(value) for value in (10.0, 20.0, 400.0)]
    b = [figures(value) for value in (40.0, 21.0, 380.0)]
    row = next(
        row for row in result_of(plan_of(pairs=3), legs_of(a, b)).rows if str(row.key) == "latency:p50"
    )
    before, after = (float(text.removesuffix(" ms")) for text in (row.a_text, row.b_text))
    assert row.answer.mean is not None
    assert after / before == pytest.approx(math.exp(row.answer.mean), rel=0.005)


def test_an_equal_b_is_equivalent() -> None:
    """Within the margin, exit code 0."""
    found = result()
    assert (found.outcome, found.exit_code) == ("equivalent", 0)
    assert "none of 3 figures is worse by its margin or more, in 8 pairs" in found.sentence


def test_a_quicker_b_is_no_regression_and_said_to_be_improved() -> None:
    """A gate lets it through."""
    found = result(0.8)
    assert found.exit_code == 0
    assert "latency:p50 improved by −20.0%" in found.sentence
    assert [row.word for row in found.rows] == ["improved", "improved", "equivalent"]


def test_a_wide_spread_is_inconclusive_and_says_how_many_pairs_would_do() -> None:
    """Exit code 111, as of any run that measured too little."""
    a = [figures(100.0) for _ in range(4)]
    b = [figures(latency) for latency in (80.0, 120.0, 125.0, 85.0)]
    found = result_of(plan_of(4), legs_of(a, b))
    assert (found.outcome, found.exit_code) == ("inconclusive", 111)
    assert any("pairs would tell" in note for note in found.notes)


def test_calls_that_fail_in_b_are_a_regression_though_its_times_are_good() -> None:
    """Shares are compared in points, and need no spread."""
    found = result(0.9, succeeded=0.9)
    assert found.outcome == "regressed"
    assert "success_rate changed by −10.0 points" in found.sentence


def test_a_b_that_answers_nothing_is_a_regression() -> None:
    """There is no latency to compare then."""
    a = [figures(100.0) for _ in range(4)]
    found = result_of(plan_of(4), legs_of(a, [{"success_rate": 0.0}] * 4))
    assert found.outcome == "regressed"
    assert [row.answer.pairs for row in found.rows] == [0, 0, 4]


def test_figures_that_no_run_has_are_left_out_unless_they_were_asked_for() -> None:
    """A profile without streams has no first token."""
    assert [str(row.key) for row in result().rows] == ["latency:p50", "latency:p95", "success_rate"]
    asked = result(figures=chosen_figures(("ttft:p95",), ()), is_own_choice=True)
    assert (asked.outcome, asked.rows[0].word) == ("inconclusive", "inconclusive")


def test_a_rate_that_falls_is_worse() -> None:
    """Whichever way a figure goes, its change is shown in its own direction."""
    legs = legs_of([{"request_rate": 100.0}] * 8, [{"request_rate": 80.0 * noise} for noise in NOISE])
    found = result_of(plan_of(figures=chosen_figures(("request_rate",), ())), legs)
    assert found.outcome == "regressed"
    assert "request_rate changed by −20.0% (95% interval −20.5% to −19.5%)" in found.sentence


def test_a_pair_with_a_run_that_can_not_be_trusted_does_not_count() -> None:
    """And why is said."""
    legs = legs_of([figures(100.0)] * 8, [figures(100.0 * noise) for noise in NOISE])
    legs[3] = Leg(2, "b", "02-b", "invalid", figures(900.0), "INVALID: a worker was lost")
    found = result_of(plan_of(), legs)
    assert (found.pairs, found.outcome) == (7, "equivalent")
    assert "Pair 2 doesn't count, because of 02-b: INVALID: a worker was lost" in found.notes


def test_what_was_measured_before_an_interruption_is_judged() -> None:
    """With the exit code of interruptions."""
    legs = legs_of([figures(100.0)] * 3, [figures(130.0 * noise) for noise in NOISE[:3]])
    found = result_of(plan_of(state="stopped", stopped="interrupted in pair 4 of 8"), legs)
    assert (found.outcome, found.exit_code) == ("interrupted", 105)
    assert "interrupted in pair 4 of 8; as far as it was measured, regressed: latency:p50" in found.sentence


def test_no_whole_pair_says_so() -> None:
    """One run is no pair."""
    found = result_of(plan_of(state="stopped", stopped="interrupted in pair 1 of 8"), [])
    assert "no pair was measured whole" in found.sentence


def test_blocks_of_four_runs_are_mirrored_and_left_to_chance() -> None:
    """ABBA or BAAB, so that even drift cancels; the seed decides."""
    orders = orders_of(8, Random(4))
    assert all(orders[n] == orders[n + 1][::-1] for n in range(0, 8, 2))
    assert {orders_of(2, Random(seed)) for seed in range(9)} == {("ab", "ba"), ("ba", "ab")}
    assert len(orders_of(3, Random(1))) == 3


def test_margins_are_for_all_or_for_one() -> None:
    """Shares keep theirs, which are points."""
    keys = ("latency:p50", "latency:p95", "error_rate")
    assert chosen_figures(keys, ("8%", "latency:p95=12%")) == {
        "latency:p50": 0.08,
        "latency:p95": 0.12,
        "error_rate": 0.01,
    }


@pytest.mark.parametrize(
    ("metrics", "margins", "said"),
    [
        (("latnecy:p95",), (), "did you mean latency?"),
        (("latency",), (), "such as latency:p95"),
        (("latency:p42",), (), "allowed: avg, min, p50"),
        (("success_rate:p95",), (), "success_rate is one figure"),
        (("users",), (), "neither more nor less of it is worse"),
        ((), ("5",), "need a share in per cent, such as 20%"),
        ((), ("ttfo:p95=5%",), "ttfo:p95 isn't compared"),
        ((), ("0.5%",), "finer than can be told"),
        ((), ("success_rate=0%",), "could never be ruled out"),
    ],
)
def test_what_can_not_be_compared_is_refused(
    metrics: tuple[str, ...], margins: tuple[str, ...], said: str
) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        chosen_figures(metrics, margins)


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """`tokenswarm report` makes the reports again from it."""
    plan = plan_of(legs=({"pair": 1, "side": "a", "folder": "01-a"},))
    plan.write(tmp_path)
    assert AbPlan.read(tmp_path) == plan
    for text, said in {"{}": "no schema number", '{"schema": 1}': "the key a is missing"}.items():
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(RunFolderError, match=said):
            AbPlan.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"figures": {"latency:p50": 1e308}}, "the margin of latency:p50 is 1e"),
        ({"figures": {"latency:p50": 0}}, "the margin of latency:p50 is 0"),
        ({"figures": {"latncy:p50": 0.1}}, "did you mean latency?"),
        ({"seed": "one"}, "seed is not what"),
        ({"command": None}, "command is not what"),
        ({"environment": []}, "environment is not what"),
        ({"orders": ["ab", "aa"]}, "orders is not what"),
        ({"legs": [{"pair": [], "side": "a", "folder": "01-a"}]}, "legs is not what"),
        ({"legs": [{"pair": 1, "side": "c", "folder": "01-c"}]}, "legs is not what"),
        ({"legs": [{"pair": 1, "side": "a", "folder": 3}]}, "legs is not what"),
    ],
)
def test_a_plan_that_was_damaged_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """With the key; a margin without bounds would be looked for without end."""
    plan_of().write(tmp_path)
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    (tmp_path / "plan.json").write_text(json.dumps({**plan, **change}), encoding="utf-8")
    with pytest.raises(TokenswarmError, match=re.escape(said)):
        AbPlan.read(tmp_path)


def test_runs_are_read_from_their_folders(tmp_path: Path, make_run: Any) -> None:
    """Percentiles from each summary, and a folder that is gone is said to be."""
    run = make_run()
    (tmp_path / "01-a").symlink_to(run)
    legs = tuple({"pair": 1, "side": side, "folder": f"01-{side}"} for side in "ab")
    plan_of(2, legs=legs).write(tmp_path)
    found = analyse(tmp_path)
    assert found.legs[0].figures["latency:p95"] > found.legs[0].figures["latency:p50"] > 0
    assert found.legs[0].figures["success_rate"] == 1.0
    assert "01-b" in found.legs[1].trouble
    assert found.outcome == "inconclusive"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_shows_every_pair_and_fetches_nothing(tmp_path: Path) -> None:
    """A dot for each, a diamond for each mean; no script, and no address but those of the runs."""
    found = result(1.15, a=Side("<script>alert(1)</script>", ""))
    write_ab(tmp_path, found)
    page = _Page()
    page.feed((tmp_path / "ab.html").read_text())
    names = [tag for tag, _ in page.tags]
    assert names.count("circle") >= 3 * 8
    assert [attrs["class"] for _, attrs in page.tags if "class" in attrs].count("mean") == 3
    assert "script" not in names
    links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert links == {f"{leg.folder}/report.html" for leg in found.legs}
    plain = json.loads((tmp_path / "ab.json").read_text())
    assert (plain["schema"], plain["rows"][0]["key"], plain["exit_code"]) == (1, "latency:p50", 99)


def test_the_forest_has_worse_on_the_right() -> None:
    """The interval of a slower B stands beyond the band, that of an equal one inside."""
    forest = forest_of(result(1.15).rows)
    assert forest is not None
    slower, _, equal = forest.lines
    assert slower.low is not None
    assert slower.low > slower.margin[1] > forest.zero > slower.margin[0]
    assert equal.mean == forest.zero
    assert [tick.x for tick in forest.ticks] == sorted(tick.x for tick in forest.ticks)
    assert forest_of(result_of(plan_of(), []).rows) is None


def test_markdown_and_text_hold_the_same_figures() -> None:
    """And the target's words are no markup."""
    found = result(1.15, b=Side("[b](http://evil.example)", ""))
    markdown, text = ab_to_markdown.render(found), ab_to_text.render(found)
    for row in found.rows:
        assert f"`{row.key}`" in markdown
        assert str(row.key) in text
        assert row.detectable_text in text
    # Of each run as well, with their units.
    for text_of_run in (markdown, ab_to_html.render(found)):
        assert text_of_run.count("100 ms") >= len(NOISE)
        assert "100%" in text_of_run
    assert "\\[b\\](" in markdown
    assert "REGRESSED" in text
    assert len(ab_to_html.render(found)) < 100_000
