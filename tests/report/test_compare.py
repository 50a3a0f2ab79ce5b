"""One run against another: what has changed, what counts, and when the two can't be compared."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokenswarm.errors import ConfigurationError, RunFolderError
from tokenswarm.report import compare_to_markdown, compare_to_text, to_json, to_markdown, to_text
from tokenswarm.report.compare import compare, refuse_unlike, with_baseline
from tokenswarm.report.compare_limits import Limits
from tokenswarm.report.comparison import Comparison
from tokenswarm.report.recorded import Recorded, read_recorded
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary_schema import read_schema

Plain = dict[str, Any]
GOLDEN = Path(__file__).parents[1] / "golden" / "report"
CSV = GOLDEN / "locust" / "failing"


@pytest.fixture
def plain() -> Plain:
    """The summary.json of a run with thousands of calls."""
    found: Plain = json.loads((GOLDEN / "incident.json").read_text("utf-8"))
    for spread in found["spreads"]:
        spread["count"] *= 10
    return found


def scaled(plain: Plain, metric: str, figure: str, factor: float) -> Plain:
    """The same run, but for one figure of all its calls."""
    changed = copy.deepcopy(plain)
    for spread in changed["spreads"]:
        if spread["metric"] == metric and spread["group"] == "all":
            spread[f"{figure}_ms"] *= factor
    return changed


def total(plain: Plain, metric: str, value: float) -> Plain:
    """The same run, but for one total."""
    changed = copy.deepcopy(plain)
    for row in changed["totals"]:
        if row["metric"] == metric:
            row["value"] = value
    return changed


def changed(plain: Plain, *path: str, to: Any) -> Plain:
    """The same run with one value replaced."""
    found = copy.deepcopy(plain)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return found


def held(base: Plain, current: Plain, *limits: str) -> Comparison:
    """Current against base."""
    return compare(Recorded.of(base, "base"), Recorded.of(current, "current"), Limits.parse(limits))


def test_a_run_is_no_regression_of_itself(plain: Plain) -> None:
    """Five limits, and no figure has changed."""
    found = held(plain, plain)
    assert (found.outcome, found.exit_code) == ("no regression", 0)
    judged = {"success_rate", "latency:p95", "latency:p99", "ttft:p95", "ttft:p99"}
    assert {row.key for row in found.judged} == judged
    assert {row.change for row in found.rows} == {0.0}


@pytest.mark.parametrize(
    ("metric", "figure", "factor", "code"),
    [
        ("latency", "p95", 1.26, 99),
        ("latency", "p95", 1.24, 0),
        ("latency", "p99", 1.21, 99),
        ("latency", "p99", 1.19, 0),
        ("ttft", "p95", 1.26, 99),
        ("latency", "p50", 3.0, 0),
        ("latency", "p95", 0.3, 0),
        ("schedule_delay", "p99", 9.0, 0),
    ],
)
def test_percentiles_may_rise_up_to_their_limits(
    plain: Plain, metric: str, figure: str, factor: float, code: int
) -> None:
    """25 % for p95, 20 % for p99, of latency and first token; others are shown and not judged."""
    found = held(plain, scaled(plain, metric, figure, factor))
    assert found.exit_code == code
    if code:
        change = f"{metric}:{figure} +{(factor - 1) * 100:.1f}%"
        assert change in found.sentence
        assert any("tokenswarm ab" in note for note in found.notes)


def test_the_success_rate_may_fall_by_two_per_cent(plain: Plain) -> None:
    """It is the other side of the error rate."""
    base = total(plain, "error_rate", 0.0)
    assert held(base, total(plain, "error_rate", 0.019)).exit_code == 0
    found = held(base, total(plain, "error_rate", 0.021))
    assert found.exit_code == 99
    assert "success_rate −2.1% (100% → 97.9%, limit −2%)" in found.sentence


def test_limits_can_be_set_and_taken_away(plain: Plain) -> None:
    """By figure for all judged times, or by key for one."""
    slower = scaled(plain, "latency", "p95", 1.4)
    assert held(plain, slower, "p95=50%").exit_code == 0
    assert held(plain, slower, "p95=off").exit_code == 0
    assert held(plain, slower, "latency:p95=off").exit_code == 0
    assert held(plain, slower, "p95=50%", "latency:p95=30%").exit_code == 99
    assert held(plain, scaled(plain, "latency", "p50", 1.2), "latency:p50=10%").exit_code == 99
    assert held(plain, scaled(plain, "icl", "p99", 1.2), "icl:p99=10%").exit_code == 99
    fewer = total(plain, "request_rate", 20.0)
    assert held(plain, fewer, "request_rate=10%").exit_code == 99


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("latency=10%", "such as latency:p95"),
        ("p98=10%", "allowed: "),
        ("sucess_rate=1%", "did you mean success_rate?"),
        ("p95=25", "need a share in per cent"),
        ("p95", "need a share in per cent"),
        ("users=10%", "neither more nor less of it is worse"),
    ],
)
def test_a_limit_that_is_none_is_refused(limit: str, said: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Limits.parse((limit,))


def test_other_loads_are_refused_by_name(plain: Plain) -> None:
    """Each key that differs, with both values; what only judges or describes is no load."""
    other = changed(plain, "configuration", "profile", "streaming", to=0.9)
    other = changed(other, "about", "time_scale", to=1.0)
    runs = Recorded.of(plain, "base"), Recorded.of(other, "current")
    with pytest.raises(ConfigurationError) as caught:
        refuse_unlike(*runs)
    assert "profile streaming: 0.5 before, 0.9 now" in str(caught.value)
    assert "profile time_scale: 0.5 before, 1.0 now" in str(caught.value)
    assert "--anyway" in str(caught.value)
    judged_otherwise = changed(plain, "configuration", "profile", "thresholds", to={})
    refuse_unlike(Recorded.of(plain, "base"), Recorded.of(judged_otherwise, "current"))


def test_of_a_long_list_only_what_differs_is_shown(plain: Plain) -> None:
    """A stage's key by its place; where one run has a stage more, both lists."""
    stages = [{"name": f"step {number}", "duration": "1m", "users": 9} for number in range(9)]
    base = changed(plain, "configuration", "profile", "stages", to=stages)
    other = changed(base, "configuration", "profile", "stages", to=[*stages[:8], {**stages[8], "users": 7}])
    assert [each.sentence for each in held(base, other).differences] == [
        "profile stages[8].users: 9 before, 7 now"
    ]
    longer = changed(base, "configuration", "profile", "stages", to=[*stages, stages[0]])
    assert [each.name for each in held(base, longer).differences] == ["stages"]


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("environment", "cores"), 64, "machine cores: 2 before, 64 now"),
        (("environment", "cpu"), "Other", "machine cpu: none before, Other now"),
        (("environment", "locust"), "2.46.0", "tool locust: 2.47.0 before, 2.46.0 now"),
        (("about", "tool"), "tokenswarm 0.2.0", "tool tool: tokenswarm 0.1.0 before, tokenswarm 0.2.0 now"),
        (("about", "workers"), 4, "machine workers: 2 before, 4 now"),
        (("verdict", "outcome"), "invalid", "verdict of the run: fail before, invalid now"),
    ],
)
def test_another_machine_or_tool_makes_it_an_indication(
    plain: Plain, path: tuple[str, ...], value: Any, named: str
) -> None:
    """What differs is named; then a regression can't fail a build, and isn't waved through either."""
    other = changed(plain, *path, to=value)
    alike = held(plain, other)
    assert [difference.sentence for difference in alike.differences] == [named]
    assert alike.exit_code == 0
    assert "as an indication" in alike.sentence
    slower = held(plain, scaled(other, "latency", "p95", 2.0))
    assert (slower.outcome, slower.exit_code) == ("indicative", 111)
    assert named.split(":", maxsplit=1)[0].split()[1] in slower.sentence


def test_a_little_less_memory_is_the_same_machine(plain: Plain) -> None:
    """Kernels keep some for themselves; host names and commits differ by nature."""
    base = changed(plain, "environment", "memory_bytes", to=16_000_000_000)
    current = changed(base, "environment", "memory_bytes", to=15_900_000_000)
    current = changed(current, "environment", "hostname", to="runner-2")
    assert held(base, current).differences == ()
    half = changed(base, "environment", "memory_bytes", to=8_000_000_000)
    assert [difference.name for difference in held(base, half).differences] == ["memory_bytes"]


def test_a_percentile_of_too_few_calls_is_not_judged(plain: Plain) -> None:
    """It would be the slowest call of all; who asks for it is told that it can't be said."""
    few = copy.deepcopy(plain)
    for spread in few["spreads"]:
        spread["count"] = 60
    slower = scaled(few, "latency", "p99", 5.0)
    assert held(few, slower).exit_code == 0
    reasons = {row.key: row.reason for row in held(few, slower).judged}
    assert reasons["latency:p99"] == "a p99 needs 100 calls, and one run has 60"
    asked = held(few, slower, "latency:p99=20%")
    assert (asked.outcome, asked.exit_code) == ("inconclusive", 111)


def test_what_was_not_measured_is_shown_and_no_pass(plain: Plain) -> None:
    """A figure of one run only has no change; a limit that was asked for it is open."""
    without = copy.deepcopy(plain)
    without["spreads"] = [spread for spread in without["spreads"] if spread["metric"] != "ttft"]
    rows = {row.key: row for row in held(plain, without).rows}
    assert (rows["ttft:p95"].current_text, rows["ttft:p95"].change_text) == ("–", "–")
    assert rows["ttft:p95"].reason == "not measured in the current run"
    assert held(plain, plain, "cache_hit_rate=10%").outcome == "inconclusive"
    nothing = {**plain, "spreads": [], "totals": []}
    assert held(nothing, nothing).outcome == "inconclusive"


def test_a_rise_from_nothing_has_no_percentage(plain: Plain) -> None:
    """And exceeds whatever limit there is."""
    base = total(total(plain, "error_rate", 0.0), "failures", 0.0)
    found = held(base, plain, "error_rate=50%", "success_rate=off")
    row = next(row for row in found.rows if row.key == "error_rate")
    assert (row.change, row.change_text, row.state) == (None, "from 0", "regressed")


def test_figures_of_open_load_are_judged_from_their_due_time(plain: Plain) -> None:
    """Where calls began by the clock, latency alone would hide those that had to wait."""
    offered = {"metric": "offered_rate", "what": "planned", "value": 50.0, "text": "50/s"}
    clocked = {**plain, "totals": [*plain["totals"], offered]}
    slower = scaled(clocked, "effective_latency", "p95", 2.0)
    assert held(clocked, slower).exit_code == 99
    assert held(plain, scaled(plain, "effective_latency", "p95", 2.0)).exit_code == 0


def test_markdown_holds_every_figure_and_no_markup_of_the_targets(plain: Plain) -> None:
    """What is judged on top, the rest folded away."""
    other = changed(plain, "environment", "cpu", to="<b>|CPU|</b>")
    found = held(plain, scaled(other, "latency", "p95", 2.0))
    text = compare_to_markdown.render(found)
    assert text.startswith("# ⚠️ current against base")
    for row in found.rows:
        assert row.key in text
    assert "<b>" not in text
    assert text.index("`latency:p95`") < text.index("<details>") < text.index("Times by group")
    assert len(text.encode()) < 16_000


def test_text_shows_the_sentence_and_what_differs(plain: Plain) -> None:
    """For a job's log; without colours there."""
    other = changed(plain, "environment", "cores", to=8)
    text = compare_to_text.render(held(plain, other))
    assert "machine cores: 2 before, 8 now" in text
    assert "NO REGRESSION: all 5 limits hold, as an indication" in text
    assert "\x1b" not in text


def test_a_folder_its_summary_and_its_measurements_are_one_run(make_run: Callable[..., Path]) -> None:
    """An artifact of the summary alone is enough, and so is a folder whose reports were never made."""
    folder = make_run(stopped_s=20)
    from_measurements = read_recorded(folder)
    summary = summarise_run(read_run(folder))
    (folder / "summary.json").write_text(to_json.render(summary), encoding="utf-8")
    for source in (folder, folder / "summary.json"):
        found = compare(from_measurements, read_recorded(source), Limits.parse(()))
        assert found.exit_code == 0
        assert found.differences == ()


def test_a_report_shows_how_the_run_compares_and_keeps_its_verdict(
    make_run: Callable[..., Path], plain: Plain
) -> None:
    """In every form; what is a regression in it fails nothing."""
    summary = summarise_run(read_run(make_run(stopped_s=20)))
    base = Recorded.of(scaled(plain, "latency", "p95", 0.1), "last-good")
    compared = with_baseline(summary, base)
    assert compared.verdict == summary.verdict
    assert compared.comparison is not None
    assert "latency:p95" in compared.comparison.sentence
    assert "Against last-good" in to_text.render(compared)
    assert "Against the baseline" in to_markdown.render(compared)
    assert "Against the baseline" not in to_markdown.render(summary)
    jsonschema.Draft202012Validator(read_schema()).validate(json.loads(to_json.render(compared)))


def test_locusts_csv_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    """Nothing is known of profile and machine, which is said; a regression counts all the same."""
    slower = tmp_path / "slower"
    for file in CSV.parent.glob("failing_*"):
        shutil.copy(file, tmp_path / file.name.replace("failing", "slower"))
    stats = (tmp_path / "slower_stats.csv").read_text()
    lines = stats.splitlines()
    column = lines[0].split(",").index("95%")
    cells = [line.split(",") for line in lines]
    for row in cells[1:]:
        row[column:-1] = [str(int(cell) * 2) for cell in row[column:-1]]
    (tmp_path / "slower_stats.csv").write_text("\n".join(",".join(row) for row in cells) + "\n")
    same = compare(read_recorded(CSV), read_recorded(CSV), Limits.parse(()))
    assert same.exit_code == 0
    assert f"{CSV} doesn't say with which profile and machine it was run" in same.notes
    found = compare(read_recorded(CSV), read_recorded(slower), Limits.parse(()))
    assert found.exit_code == 99
    assert "latency:p95 +91.5% (83.0 ms → 159 ms, limit +25%)" in found.sentence
    assert read_recorded(Path(f"{slower}_stats.csv")).figures == read_recorded(slower).figures


def test_locusts_csv_against_our_figures_is_an_indication(plain: Plain) -> None:
    """Its percentiles are rounded, and failed requests are in them."""
    found = compare(read_recorded(CSV), Recorded.of(plain, "run"), Limits.parse(()))
    assert [difference.what for difference in found.differences] == ["tool"]
    assert found.exit_code in (0, 111)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nowhere", None, "give a run folder, a summary.json, or a prefix of Locust's CSV files"),
        ("nowhere.json", None, "no such file"),
        ("bad.json", "{", "not JSON"),
        ("list.json", "[]", "no schema number"),
        ("other.json", '{"name": "x"}', "no schema number"),
        ("newer.json", '{"schema": 99}', "written by a newer tokenswarm"),
        ("half.json", '{"schema": 1}', "the key about is missing"),
        (
            "odd.json",
            '{"schema": 1, "about": 3, "verdict": {}, "environment": {}, "configuration": {}}',
            "damaged",
        ),
    ],
)
def test_what_is_no_run_is_said_to_be_none(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    """With the file and the reason, and never a traceback."""
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(RunFolderError, match=re.escape(said)) as caught:
        read_recorded(tmp_path / name)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("environment",), None, "environment holds no keys"),
        (("configuration",), None, "configuration holds no keys"),
        (("configuration", "profile"), "x", "configuration.profile holds no keys"),
        (("about", "time_scale"), "x", "about.time_scale is no number"),
        (("environment", "memory_bytes"), "x", "environment.memory_bytes is no number"),
    ],
)
def test_a_damaged_summary_is_said_to_be_damaged(
    plain: Plain, path: tuple[str, ...], value: Any, said: str
) -> None:
    """By the key that is, before anybody trips over it."""
    with pytest.raises(RunFolderError, match=f"^it: damaged: {re.escape(said)}$"):
        Recorded.of(changed(plain, *path, to=value), "it")


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    """It has neither a summary nor a run.json."""
    with pytest.raises(RunFolderError, match="not a run folder"):
        read_recorded(tmp_path)
