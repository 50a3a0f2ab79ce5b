"""The page in a real browser, where there is one: drawn, read, zoomed, sorted, printed, and never fooled."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.report import to_html, to_json
from tokenswarm.report.compare import with_baseline
from tokenswarm.report.recorded import Recorded
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Mark, Summary, Track

from .browser import CHROMIUM, Tab, tab_of_chromium
from .conftest import Script, incident, write_run

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
A4 = 690  # px between margins
HOSTILE = "</script><script>window.fooled = 1</script><img src=http://127.0.0.1:9/x onerror='fooled = 2'>"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """One browser for all of them."""
    with tab_of_chromium(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """A run with an incident."""
    script = Script(failing=incident(0.3), slowness=lambda at_s: 1.8 if 30 <= at_s < 36 else 1.0)
    return summarise_run(read_run(write_run(tmp_path_factory.mktemp("runs") / "run", script)))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, summary: Summary) -> Path:
    """Its report."""
    return written(tmp_path_factory.mktemp("page"), summary)


def written(folder: Path, summary: Summary) -> Path:
    """The report as a file."""
    file = folder / "report.html"
    file.write_text(to_html.render(summary), encoding="utf-8")
    return file


def middle_of(tab: Tab, selector: str) -> tuple[float, float, float]:
    """The left edge, the middle's height and the right edge of an element, brought into view."""
    found = tab.evaluate(
        f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
        " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
        " return [b.left, (b.top + b.bottom) / 2, b.right]; })()"
    )
    return float(found[0]), float(found[1]), float(found[2])


PLOT = "[data-chart=latency] .plot"
VIEW = "[...document.querySelectorAll('#timeline svg')].map((svg) => svg.getAttribute('viewBox').split(' ')"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_drawn_without_a_complaint(tab: Tab, page: Path, width: int, scheme: str) -> None:
    """No error, no request but for itself, nothing wider than the screen, every curve with an extent."""
    tab.open(page, width=width, scheme=scheme)
    assert tab.complaints == []
    assert tab.requests == [page.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    extents = tab.evaluate(
        "[...document.querySelectorAll('.curve')].map((c) => c.getBoundingClientRect())"
        ".map((b) => [b.width, b.left, b.right])"
    )
    assert len(extents) > 15
    assert all(extent[0] > 50 and extent[1] >= 0 and extent[2] <= width for extent in extents)
    lightness = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (lightness > 200) == (scheme == "light")


@pytest.mark.parametrize("width", [1280, 390])
def test_numbers_of_an_axis_keep_clear_of_each_other(
    tab: Tab, tmp_path: Path, summary: Summary, width: int
) -> None:
    """Those of hours as well, which are long."""
    timeline = summary.timeline
    assert timeline is not None
    hours = replace(timeline, width_s=410.0, at_s=tuple(410 * at_s for at_s in timeline.at_s))
    tab.open(written(tmp_path, replace(summary, timeline=hours)), width=width)
    overlaps = tab.evaluate(
        """[...document.querySelectorAll('.x')].flatMap((axis) => {
          const boxes = [...axis.children].filter((t) => getComputedStyle(t).visibility === 'visible')
            .map((t) => t.getBoundingClientRect());
          return boxes.slice(1).filter((box, i) => box.left < boxes[i].right).map(() => axis.textContent);
        })"""
    )
    assert overlaps == []


def test_dragging_zooms_all_charts_and_a_double_click_shows_all(tab: Tab, page: Path) -> None:
    """The same stretch on each, its numbers and heights anew, and a word on what is shown."""
    tab.open(page)
    left, y, right = middle_of(tab, PLOT)
    tab.drag(left + (right - left) * 0.5, y, left + (right - left) * 0.6)
    views = tab.evaluate(f"{VIEW}.filter((_, i) => i % 2 === 0).join(' '))")
    assert len(views) >= 5
    assert len(set(views)) == 1
    start, width = map(float, views[0].split())
    assert (start, width) == (pytest.approx(5000, abs=60), pytest.approx(1000, abs=100))
    assert "30" in tab.evaluate("document.querySelector('#timeline .zoomed span').textContent")
    assert tab.evaluate(f"document.querySelector({json.dumps(PLOT)}).querySelector('.x').textContent") != ""
    for count in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            tab.ask("Input.dispatchMouseEvent", type=kind, x=left + 90, y=y, button="left", clickCount=count)
    assert set(tab.evaluate(f"{VIEW}.join(' '))")) == {"0 0 10000 10000"}
    assert tab.evaluate("document.querySelector('#timeline .zoomed').hidden")


def test_a_stage_can_be_chosen(tab: Tab, page: Path, summary: Summary) -> None:
    """It fills the charts; chosen again, all is shown."""
    tab.open(page)
    click = "[...document.querySelectorAll('.stages button')].find((b) => b.textContent === 'hold').click()"
    tab.evaluate(click)
    hold = next(stage for stage in summary.stages if stage.name == "hold")
    assert summary.timeline is not None
    end_s = summary.timeline.at_s[-1] + 1
    start, _, width, _ = map(float, tab.evaluate(f"{VIEW})")[0])
    assert start == pytest.approx(1e4 * hold.start_s / end_s, abs=1)
    assert width == pytest.approx(1e4 * (hold.end_s - hold.start_s) / end_s, abs=1)
    tab.evaluate(click)
    assert tab.evaluate(f"{VIEW})")[0][2] == "10000"


def test_the_pointer_reads_every_chart(tab: Tab, page: Path, summary: Summary) -> None:
    """A tip beside it, a line and the values on the others, of the same interval."""
    tab.open(page)
    left, y, right = middle_of(tab, PLOT)
    tab.mouse("mouseMoved", left + (right - left) * 32.5 / 61, y)
    tip = tab.evaluate("document.querySelector('.tip').textContent")
    assert tip.startswith("32.5 s")
    assert summary.timeline is not None
    p50 = next(track for track in summary.timeline.of("latency") if track.name == "p50").values[32]
    assert p50 is not None
    assert f"p50{p50:.0f} ms" in tip
    charts = tab.evaluate("document.querySelectorAll('#timeline .chart').length")
    assert tab.evaluate("document.querySelectorAll('#timeline .cursor').length") == charts
    users = tab.evaluate("document.querySelector('[data-chart=users] output').textContent")
    assert users == "100"


def test_charts_are_read_and_zoomed_by_keyboard(tab: Tab, page: Path) -> None:
    """Arrows go from value to value and say them; plus zooms, Escape shows all."""
    tab.open(page)
    plot = f"document.querySelector({json.dumps(PLOT)})"
    tab.evaluate(f"{plot}.focus()")
    for _ in range(3):
        tab.press("ArrowRight")
    said = tab.evaluate(f"{plot}.getAttribute('aria-valuetext')")
    assert said.startswith("2.50 s: p50 ")
    assert ", p95 " in said
    tab.press("+")
    assert tab.evaluate(f"{VIEW})")[0][2] == "5000"
    tab.press("Escape")
    assert tab.evaluate(f"{VIEW})")[0][2] == "10000"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_curve_can_be_hidden(tab: Tab, page: Path) -> None:
    """By its name; the scale fits the others then."""
    tab.open(page)
    figure = "document.querySelector('[data-chart=latency]')"
    tab.evaluate(f"[...{figure}.querySelectorAll('.legend button')].slice(1).forEach((b) => b.click())")
    assert tab.evaluate(f"{figure}.querySelectorAll('g[style*=\"display: none\"]').length") == 2
    assert float(tab.evaluate(f"{figure}.style.getPropertyValue('--t')")) < 0.9
    assert tab.evaluate(f"{figure}.querySelector('.legend button').getAttribute('aria-pressed')") == "true"


def test_a_breach_leads_to_its_moment(tab: Tab, page: Path) -> None:
    """Its time is a link; the charts show what was around it."""
    tab.open(page)
    tab.evaluate("document.querySelector('#thresholds a[data-at]').click()")
    start, _, width, _ = map(float, tab.evaluate(f"{VIEW})")[0])
    at = float(tab.evaluate("document.querySelector('#thresholds a[data-at]').dataset.at")) / 61 * 1e4
    assert start < at < start + width < start + 5000


def test_tables_sort_by_click_and_by_key(tab: Tab, page: Path) -> None:
    """Up, down, and as it was; rows stay in their group, and readers are told."""
    tab.open(page)
    cells = (
        "[...document.querySelectorAll('#stages tbody tr')]"
        ".map((row) => Number(row.cells[4].textContent.replace(',', '')))"
    )
    before = tab.evaluate(cells)
    left, y, right = middle_of(tab, "#stages thead th:nth-child(5) button")
    for kind in ("mousePressed", "mouseReleased"):
        tab.mouse(kind, (left + right) / 2, y)
    head = "document.querySelector('#stages thead th:nth-child(5)')"
    assert tab.evaluate(cells) == sorted(before) != before
    assert tab.evaluate(f"{head}.getAttribute('aria-sort')") == "ascending"
    tab.evaluate(f"{head}.querySelector('button').focus()")
    tab.press("Enter")
    assert tab.evaluate(cells) == sorted(before, reverse=True)
    tab.press("Enter")
    assert tab.evaluate(cells) == before
    assert tab.evaluate(f"{head}.hasAttribute('aria-sort')") is False
    groups = "[...document.querySelectorAll('#latency tbody')].map((body) => body.rows[0].textContent.trim())"
    told = tab.evaluate(groups)
    tab.evaluate("document.querySelector('#latency thead th:nth-child(4) button').click()")
    assert tab.evaluate(groups)[1:] == told[1:]


def test_without_scripts_all_of_it_is_there(tab: Tab, page: Path) -> None:
    """Curves, numbers and tables; nothing pretends to do what it can't."""
    tab.open(page, scripts=False)
    nodes = tab.ask("Page.captureSnapshot", format="mhtml")["data"]
    assert "window.fooled" not in nodes
    document = tab.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
    for selector, least in ((".curve", 15), (".legend button:disabled", 15), (".sort", 0)):
        found = tab.ask("DOM.querySelectorAll", nodeId=document, selector=selector)["nodeIds"]
        assert len(found) >= least
        assert bool(found) == bool(least), selector
    curve = tab.ask("DOM.querySelector", nodeId=document, selector="[data-chart=latency] .curve")["nodeId"]
    box = tab.ask("DOM.getBoxModel", nodeId=curve)["model"]
    assert box["width"] > 500
    assert box["height"] > 20


def test_it_prints(tab: Tab, page: Path) -> None:
    """On white, whatever the screen prefers, with hints open and charts whole."""
    tab.open(page, scheme="dark")
    tab.evaluate("document.querySelector('details.hints').open = false")
    document = tab.pdf()
    assert document.startswith(b"%PDF")
    assert document.count(b"/Type /Page\n") >= 3
    assert tab.evaluate("document.querySelector('details.hints').open")
    tab.ask("Emulation.setDeviceMetricsOverride", width=A4, height=900, deviceScaleFactor=1, mobile=False)
    tab.emulate("dark", "print")
    assert tab.evaluate("document.documentElement.scrollWidth") <= A4
    within = """(() => { const all = document.querySelector('.stages').getBoundingClientRect();
      return [...document.querySelectorAll('.stages button')].map((b) => b.getBoundingClientRect())
        .every((b) => b.top >= all.top && b.bottom <= all.bottom); })()"""
    assert tab.evaluate(within)
    assert tab.evaluate("getComputedStyle(document.querySelector('.scripted')).display") == "none"
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.querySelector('.contents')).display") == "none"


def test_readers_hear_its_structure(tab: Tab, page: Path) -> None:
    """Landmarks, headings one below the other, and a name for everything that is drawn or can be pressed."""
    tab.open(page)
    tree = [node for node in tab.ask("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]

    def names(role: str) -> list[str]:
        return [
            str(node.get("name", {}).get("value", "")).strip()
            for node in tree
            if node["role"]["value"] == role
        ]

    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert len(names(landmark)) == 1, landmark
    for role in ("table", "slider", "button", "region", "link"):
        assert names(role), role
        assert all(names(role)), role
    levels = [
        prop["value"]["value"]
        for node in tree
        if node["role"]["value"] == "heading"
        for prop in node["properties"]
        if prop["name"] == "level"
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def hostile(summary: Summary) -> Summary:
    """The same run with such text wherever a target, a profile or a user may put some."""
    assert summary.timeline is not None
    tracks = tuple(
        Track(track.chart, HOSTILE, track.values) if track.chart == "errors" else track
        for track in summary.timeline.tracks
    )
    words: dict[str, Any] = dict.fromkeys(
        ("model", "target", "url", "dialect", "profile", "profile_file", "command", "slo", "scenario"),
        HOSTILE,
    )
    plain = json.loads(to_json.render(summary))
    plain["environment"] = {"cpu": HOSTILE}
    compared = with_baseline(summary, Recorded.of(plain, HOSTILE))
    return replace(
        compared,
        about=replace(summary.about, **words),
        verdict=replace(summary.verdict, reasons=(HOSTILE,), sentence=f"FAIL: {HOSTILE}"),
        checks=tuple(replace(check, text=HOSTILE, what=HOSTILE) for check in summary.checks),
        thresholds=tuple(
            replace(row, line=HOSTILE, note=HOSTILE, origin=HOSTILE, hints=(HOSTILE,), reason=HOSTILE)
            for row in summary.thresholds
        ),
        stages=tuple(replace(stage, name=HOSTILE) for stage in summary.stages),
        errors=tuple(
            replace(row, outcome=HOSTILE, examples=(HOSTILE,), request_id=HOSTILE) for row in summary.errors
        ),
        spreads=tuple(replace(spread, name=HOSTILE) for spread in summary.spreads),
        timeline=replace(
            summary.timeline, tracks=tracks, marks=(Mark(30.0, HOSTILE, HOSTILE), Mark(31.0, HOSTILE, ""))
        ),
        environment={HOSTILE: HOSTILE},
        configuration={HOSTILE: {HOSTILE: [HOSTILE]}},
    )


def test_a_baseline_of_another_load_fits_on_a_phone(tab: Tab, tmp_path: Path, summary: Summary) -> None:
    """What differs is shown as it stands in the profile, which has no blanks to break lines at."""
    plain = json.loads(to_json.render(summary))
    plain["configuration"]["profile"]["stages"] = [{"name": "a" * 60, "duration": "1m", "users": 9}]
    page = written(tmp_path, with_baseline(summary, Recorded.of(plain, "base")))
    tab.open(page, width=390)
    assert tab.evaluate("document.querySelector('#comparison .reasons').innerText").count("aaa")
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_text_of_others_is_text(tab: Tab, tmp_path: Path, summary: Summary) -> None:
    """Models, error messages, headers' values, stages, profiles: shown, and never run."""
    page = written(tmp_path, hostile(summary))
    tab.open(page, width=390)
    left, y, right = middle_of(tab, "[data-chart=errors] .plot")
    tab.mouse("mouseMoved", (left + right) / 2, y)
    tab.evaluate("document.querySelectorAll('button').forEach((button) => button.click())")
    assert tab.complaints == []
    assert tab.requests == [page.as_uri()]
    assert tab.evaluate("window.fooled") is None
    assert tab.evaluate("document.images.length + document.scripts.length") == 2
    shown = tab.evaluate("document.body.innerText")
    assert shown.count("<img src=http://127.0.0.1:9/x onerror='fooled = 2'>") > 40
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
