"""A folder of runs as one page: levels that moved, INVALID runs marked and not counted, the budget spent."""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.cli import commands
from tokenswarm.errors import ConfigurationError, RunFolderError
from tokenswarm.report.capacity import capacity_of
from tokenswarm.report.figure_key import FigureKey
from tokenswarm.report.past_runs import find_runs
from tokenswarm.report.trend import GroupTrend, trend_of
from tokenswarm.report.trend_chart import draw
from tokenswarm.report.trend_formats import to_html, to_text

INCIDENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "report" / "incident.json").read_text(encoding="utf-8")
)
HOSTILE = "</title><script>alert(1)</script>\"'><img src=x>"
P95 = FigureKey("latency", "p95")


def write_runs(place: Path, count: int = 24, *, slower_from: int = 16, invalid: tuple[int, ...] = ()) -> None:
    """A run a day; latency rises by 30 % from one of them on, and INVALID ones are ten times slower."""
    rng = Random(4)
    for day in range(count):
        plain = copy.deepcopy(INCIDENT)
        started = datetime.fromisoformat("2026-01-01T06:00:00+00:00") + timedelta(days=day)
        plain["about"] |= {"started_at": started.isoformat(), "source": f"run-{day:02}"}
        factor = (1.3 if day >= slower_from else 1.0) * rng.lognormvariate(0, 0.02)
        plain["verdict"]["outcome"] = "invalid" if day in invalid else "pass"
        for spread in plain["spreads"]:
            if spread["metric"] == "latency":
                for key in ("p50_ms", "p95_ms", "p99_ms"):
                    spread[key] *= factor * (10 if day in invalid else 1)
        slo = plain["configuration"]["slo"]["thresholds"]
        slo["error_rate"] = [{"slo": "< 5%", "sla": "< 8%"}]
        folder = place / f"run-{day:02}"
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps(plain), encoding="utf-8")
        (folder / "report.html").touch()


def trended(place: Path) -> GroupTrend:
    (group,) = trend_of(find_runs([place])).groups
    return group


class Page(HTMLParser):
    """All elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_level_that_moved_is_found_and_graded(tmp_path: Path) -> None:
    """The run that has the new level is named; what did not move is not."""
    write_runs(tmp_path)
    group = trended(tmp_path)
    changes = {str(course.key): change for course, change in group.changes}
    assert set(changes) == {"latency:p50", "latency:p95", "latency:p99"}
    assert changes["latency:p95"].run.name == "run-16"
    assert changes["latency:p95"].grade == "worse"
    assert changes["latency:p95"].text.startswith("rose by 28%, from 819 ms")


def test_noise_is_not_drawn_as_a_cliff(tmp_path: Path) -> None:
    """An axis spans a quarter of what it shows at least, and says from what to what, and when."""
    write_runs(tmp_path, 12, slower_from=99)
    course = next(c for c in trended(tmp_path).courses if str(c.key) == "latency:p95")
    values = [dot.value for dot in course.dots]
    assert max(values) < 1.2 * min(values), "the runs are of one level"
    drawing = draw(course)
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', drawing)]
    assert max(heights) - min(heights) < 0.8 * 96
    top, foot, first, last = re.findall(r"<text [^>]*>([^<]+)</text>", drawing)
    assert float(top.split()[0]) - float(foot.split()[0]) >= 0.24 * max(values)
    assert (first, last) == tuple(f"{dot.run.at:%Y-%m-%d}" for dot in (course.dots[0], course.dots[-1]))


def test_runs_that_can_not_be_trusted_are_marked_and_not_counted(tmp_path: Path) -> None:
    """Three of them ten times slower make no level of their own."""
    write_runs(tmp_path, slower_from=99, invalid=(10, 11, 12))
    group = trended(tmp_path)
    assert (group.untrusted, group.changes) == (3, [])
    (course,) = [course for course in group.courses if course.key == P95]
    assert len(course.dots) == 24
    html = to_html(trend_of(find_runs([tmp_path])), tmp_path)
    marked = [attrs for tag, attrs in Page(html).elements if attrs.get("class") == "dot untrusted"]
    assert len(marked) == 3 * len(group.courses)
    assert group.budgets[0].runs == 21


def test_the_budget_is_what_the_objective_allows(tmp_path: Path) -> None:
    """5 % of 1,726 calls a run, of which 76 failed; windows end with the newest run."""
    write_runs(tmp_path)
    budgets = [b for b in trended(tmp_path).budgets if b.objective == "error_rate < 5%"]
    assert [(b.window, b.runs) for b in budgets] == [
        ("all runs", 24),
        ("last 30 days", 24),
        ("last 7 days", 7),
    ]
    week = budgets[-1]
    assert (week.calls, round(week.bad), week.allowed) == (7 * 1726, 7 * 76, pytest.approx(0.05 * 7 * 1726))
    assert week.spent == pytest.approx(76 / (0.05 * 1726))


def test_groups_are_told_apart(tmp_path: Path) -> None:
    """Another target, another model or another time scale is another thing."""
    for i, changed in enumerate(({}, {"target": "b"}, {"model": "m2"}, {"time_scale": 0.1})):
        plain = {**INCIDENT, "about": {**INCIDENT["about"], **changed}}
        (tmp_path / f"{i}_summary.json").write_text(json.dumps(plain), encoding="utf-8")
    assert len(trend_of(find_runs([tmp_path])).groups) == 4


def test_what_can_not_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    """Half-written files, other people's JSON, and runs without a report do no harm."""
    write_runs(tmp_path, 3)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "summary.json").write_text('{"schema": 1, "abo', encoding="utf-8")
    (tmp_path / "other_summary.json").write_text("[1, 2]", encoding="utf-8")
    whole = json.loads(next(tmp_path.rglob("summary.json")).read_text(encoding="utf-8"))
    for n, thresholds in enumerate((7, [7], {"line": "x"})):
        (tmp_path / f"{n}_summary.json").write_text(
            json.dumps({**whole, "thresholds": thresholds}), encoding="utf-8"
        )
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "run.json").write_text("{}", encoding="utf-8")
    found = find_runs([tmp_path])
    assert found.count == 3
    assert len(found.skipped) == 6
    assert sum("thresholds is no list of lines" in reason for reason in found.skipped) == 3
    assert any("tokenswarm report" in reason for reason in found.skipped)
    assert "left out: " in to_text(trend_of(found))


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    """With what was looked for."""
    with pytest.raises(RunFolderError, match=r"there is no summary\.json"):
        find_runs([tmp_path])
    with pytest.raises(RunFolderError, match="no such folder"):
        find_runs([tmp_path / "nowhere"])


def test_the_page_stands_alone_and_takes_no_markup(tmp_path: Path) -> None:
    """No script, no network, links only to the runs' own reports; names are text."""
    write_runs(tmp_path, 8)
    plain = copy.deepcopy(INCIDENT)
    plain["about"] |= {"profile": HOSTILE, "target": HOSTILE, "model": HOSTILE, "source": HOSTILE}
    plain["verdict"]["sentence"] = plain["thresholds"][0]["line"] = plain["totals"][0]["text"] = HOSTILE
    (tmp_path / "x_summary.json").write_text(json.dumps(plain), encoding="utf-8")
    html = to_html(trend_of(find_runs([tmp_path])), tmp_path)
    page = Page(html)
    tags = [tag for tag, _ in page.elements]
    assert "script" not in tags
    assert "img" not in tags
    assert "<script>alert(1)" in page.text
    links = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    assert links == {f"run-{day:02}/report.html" for day in range(8)}
    assert "http" not in html.replace("http-equiv", "")
    assert len(html.encode()) < 2_000_000


def test_text_shows_chief_figures_changes_and_budget(tmp_path: Path) -> None:
    """For a terminal or a log."""
    write_runs(tmp_path)
    text = to_text(trend_of(find_runs([tmp_path])))
    assert "stress against gateway, model mock, time scale 0.5: 24 runs, 2026-01-01 to 2026-01-24" in text
    assert "on 2026-01-17 (worse)" in text
    assert "error_rate < 5%, last 7 days: 12,082 calls, 532 of 604.1 allowed: 88.1% spent" in text


def test_the_command_writes_the_page_where_the_runs_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tokenswarm trend reports/`."""
    write_runs(tmp_path, 6)
    assert commands.main(["trend", str(tmp_path)], standalone_mode=False) == 0
    assert (tmp_path / "trend.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert f"trend: {tmp_path}/trend.html" in capsys.readouterr().out


def climbed(**changed: Any) -> dict[str, Any]:
    found = {"held_rate": 250.0, "broke_rate": 380.0, "broke_line": "error_rate < 5%", "steps": []}
    return {"verdict": {"outcome": "fail"}, "breakpoint": {**found, **changed}}


@pytest.mark.parametrize(
    ("wanted", "loaded", "headroom", "instances"),
    [
        (1000, 1, 0.3, 6),  # 175 each
        (175, 1, 0.3, 1),
        (176, 1, 0.3, 2),
        (1000, 2, 0.3, 12),  # 250 was of two
        (1000, 1, 0.0, 4),
        (1, 1, 0.3, 1),
    ],
)
def test_capacity_is_what_held_with_room_to_spare(
    wanted: float, loaded: int, headroom: float, instances: int
) -> None:
    """Rounded up, and never none."""
    found = capacity_of(climbed(), "x", wanted, loaded, headroom)
    assert found.instances == instances
    assert f"take {instances} instance" in found.render()


def test_a_climb_that_did_not_break_gives_an_upper_bound() -> None:
    """It may carry more than was tried."""
    text = capacity_of(climbed(broke_rate=None, broke_line=""), "x", 1000).render()
    assert "6 instances or fewer" in text
    assert "did not break" in text


def test_the_command_says_how_many_instances(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tokenswarm capacity RUN --rate 1000`, of a folder or a summary.json."""
    file = tmp_path / "summary.json"
    file.write_text(json.dumps({**INCIDENT, "breakpoint": climbed()["breakpoint"]}), encoding="utf-8")
    for run in (tmp_path, file):
        assert commands.main(["capacity", str(run), "--rate", "1000"], standalone_mode=False) == 0
        assert "1,000 calls/s take 6 instances\n" in capsys.readouterr().out


def test_few_runs_are_no_proof_that_nothing_changed(tmp_path: Path) -> None:
    """A change takes three runs on either side: of fewer than six it can't be said."""
    write_runs(tmp_path / "one", 1)
    text = to_text(trend_of(find_runs([tmp_path / "one"])))
    assert ": 1 run, " in text
    assert "too few runs to tell a change" in text
    write_runs(tmp_path / "six", 6)
    text = to_text(trend_of(find_runs([tmp_path / "six"])))
    assert ": 6 runs, " in text
    assert "no change of level" in text
    assert "too few" not in text


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, rate: str) -> None:
    """Not a number and infinity are numbers to the command line."""
    file = tmp_path / "summary.json"
    file.write_text(json.dumps(climbed()), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="need more than 0 calls/s"):
        commands.main(["capacity", str(file), "--rate", rate], standalone_mode=False)


@pytest.mark.parametrize(
    ("plain", "word"),
    [
        ({**climbed(), "verdict": {"outcome": "invalid"}}, "INVALID"),
        ({**climbed(), "breakpoint": None}, "tokenswarm run breakpoint"),
        (climbed(held_rate=None), "at no rate"),
    ],
)
def test_capacity_is_not_guessed(plain: dict[str, Any], word: str) -> None:
    """A run that can't be trusted, did not climb, or never held plans nothing."""
    with pytest.raises(ConfigurationError, match=word):
        capacity_of(plain, "x", 1000)
