"""What readers see: text, Markdown, JSON and HTML of the same summary."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.errors import RunFolderError
from tokenswarm.profile.slo import Slo
from tokenswarm.report import to_html, to_json, to_markdown, to_text
from tokenswarm.report.compare import with_baseline
from tokenswarm.report.figures import moment, time_ms
from tokenswarm.report.recorded import Recorded
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Summary, Timeline, Track

from .conftest import write_csv_reports, write_reports

RunMaker = Callable[..., Path]
Golden = Callable[[str, str], None]
LOCUST = Path(__file__).parents[1] / "golden" / "report" / "locust"
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}`|[a](http://evil.example)\x1b[31m"
)
# Elements that hold no others and have no end tag.
VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})


def summarised(make_run: RunMaker, **script: Any) -> Summary:
    """The summary of a run that went so."""
    return summarise_run(read_run(make_run(**script)))


class Page(HTMLParser):
    """Elements of a page with their text; says whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.starts: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data
            if self.rows and self.rows[-1] and {"td", "th"} & set(self.open):
                self.rows[-1][-1] += data

    def ids(self) -> list[str]:
        return [str(attrs["id"]) for tag, attrs in self.starts if tag == "section" and attrs.get("id")]

    def row(self, first: str) -> list[str]:
        """The row whose first cell begins so, cells without outer blanks."""
        rows = ([cell.strip() for cell in row] for row in self.rows)
        return next(row for row in rows if row and row[0].startswith(first))


def test_text_is_as_agreed(make_run: RunMaker, golden: Golden) -> None:
    """The terminal's view of a run with an incident."""
    golden("incident.txt", to_text.render(summarised(make_run, incident_share=0.3)))


def test_markdown_is_as_agreed(make_run: RunMaker, golden: Golden) -> None:
    """The pull request's view of it."""
    golden("incident.md", to_markdown.render(summarised(make_run, incident_share=0.3)))


def test_json_is_as_agreed(make_run: RunMaker, golden: Golden) -> None:
    """The script's view of it: a change here may need a new schema number."""
    golden("incident.json", to_json.render(summarised(make_run, incident_share=0.3)))


def test_locusts_csv_as_text_is_as_agreed(tmp_path: Path, golden: Golden) -> None:
    """A plain Locust run, judged by an SLO."""
    slo = Slo.from_resolved(
        {
            "name": "api",
            "title": "API",
            "thresholds": {
                "latency": ["p(95) < 300ms", "p(90) < 80ms"],
                "error_rate": ["< 1%"],
                "ttft": ["p(95) < 100ms"],
            },
        }
    )
    summary = write_csv_reports(LOCUST / "failing", slo=slo, output=tmp_path)
    golden("locust_failing.txt", to_text.render(summary))


def test_plain_text_has_no_colours_and_a_terminal_has(make_run: RunMaker) -> None:
    """A log file must not fill with escape sequences."""
    summary = summarised(make_run)
    assert "\x1b" not in to_text.render(summary)
    coloured = to_text.render(summary, width=100, is_terminal=True)
    assert "\x1b[" in coloured
    assert max(len(line) for line in _without_colours(coloured).splitlines()) <= 100


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_text_of_the_target_reaches_no_terminal_as_control_characters(make_run: RunMaker) -> None:
    """Nor is it taken for rich's markup."""
    text = to_text.render(
        summarised(make_run, incident_share=0.3, failure=("http_5xx", 500, "[red]\x1b]0;title\x07 boo"))
    )
    assert "[red]" in text
    assert not [c for c in text if not c.isprintable() and c != "\n"]


def test_json_holds_what_the_summary_says(make_run: RunMaker) -> None:
    """Schema first, strict JSON, every section."""
    summary = summarised(make_run, incident_share=0.3)
    data = json.loads(to_json.render(summary), parse_constant=pytest.fail)
    assert next(iter(data)) == "schema"
    assert data["schema"] == 1
    assert (data["verdict"]["outcome"], data["verdict"]["exit_code"]) == ("fail", 99)
    assert len(data["thresholds"]) == 7
    assert {track["chart"] for track in data["timeline"]["tracks"]} == {
        "calls",
        "users",
        "latency",
        "ttft",
        "errors",
        "tokens",
    }
    assert all(len(track["values"]) == len(data["timeline"]["at_s"]) for track in data["timeline"]["tracks"])


def test_the_page_has_its_sections_in_order(make_run: RunMaker) -> None:
    """Verdict first, then whether to believe it, then the details."""
    page = Page(to_html.render(summarised(make_run, incident_share=0.3)))
    assert page.ids() == [
        "verdict",
        "trust",
        "thresholds",
        "timeline",
        "spectra",
        "load",
        "breakdown",
        "errors",
        "latency",
        "ttft",
        "stages",
        "totals",
        "setup",
    ]
    assert "1 of 6 thresholds is broken: error_rate{stage:hold} is 6.452%, limit < 1% (exit 99)." in page.text
    assert "tokenswarm run stress --time-scale 0.5" in page.text


def test_the_page_shows_each_threshold_with_all_its_figures(make_run: RunMaker) -> None:
    """Grouped, the gravest first; hints stand beside a breach."""
    page = Page(to_html.render(summarised(make_run, incident_share=0.3)))
    row = page.row("error_rate{stage:hold}: < 1%")
    assert "Check rate limits." in row[0]
    assert row[1:] == ["6.452%", "< 1%", "−545%", "1,178", "31.0 s", "profiles/stress.yaml"]
    heads = [row[0].split()[0] for row in page.rows if row and row[0].split()[:1]]
    order = [head for head in heads if head in ("Critical", "Warning", "Good", "Not")]
    assert order == ["Critical", "Warning", "Good", "Not"]
    assert page.row("cache_hit_rate")[0].endswith("no answer said whether it came from a cache")


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2026-01-31T23:59:59.7+00:00", "2026-01-31 23:59:59 UTC"),
        ("2026-02-01T08:59:59+09:00", "2026-01-31 23:59:59 UTC"),
        ("2026-01-31T12:00:00", "2026-01-31 12:00:00"),  # nobody knows whose
        ("", ""),
    ],
)
def test_moments_are_told_in_one_zone(when: str, said: str) -> None:
    """Whatever zone the machine was in, and never more than is known."""
    assert moment(when) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0.00"),
        (0.0031, "0.003"),
        (0.031, "0.031"),
        (-0.23, "-0.23"),
        (9.994, "9.99"),
        (445_699.4, "445,699"),
    ],
)
def test_times_have_as_many_digits_as_mean_something(value: float, said: str) -> None:
    """Microseconds of a cache as well as minutes of a long answer."""
    assert time_ms(value) == said


def test_a_process_that_is_read_no_more_has_no_curve(make_run: RunMaker) -> None:
    """Its last value stands for a moment, and is not drawn to the end of the run."""
    run = make_run()
    rows = [{"at_s": s + 0.5, "source": "master", "name": "target_memory", "value": 2e7} for s in (9, 11, 12)]
    with (run / "samples.jsonl").open("a", encoding="utf-8") as samples:
        samples.write("".join(json.dumps(row) + "\n" for row in rows))
    timeline = summarise_run(read_run(run)).timeline
    assert timeline is not None
    (track,) = timeline.of("memory")
    drawn = [i for i, value in enumerate(track.values) if value is not None]
    assert drawn == [9, 10, 11, 12, 13, 14]


def test_hints_of_one_metric_stand_on_the_page_once(make_run: RunMaker) -> None:
    """The other lines of that metric say where."""
    summary = summarised(make_run, incident_share=0.3)
    rows = [row for row in summary.thresholds if row.metric == "error_rate"]
    again = replace(rows[0], line="error_rate: < 2%")
    page = Page(to_html.render(replace(summary, thresholds=(*rows, again))))
    assert len([row for row in page.rows if row and "Check rate limits." in row[0]]) == 1
    assert "as for error_rate{stage:hold}: < 1%" in page.row("error_rate: < 2%")[0]


def test_the_page_compares_times_by_kind_of_call(make_run: RunMaker) -> None:
    """Latency and first token by prompt, streaming and stage; errors with their messages."""
    page = Page(to_html.render(summarised(make_run, incident_share=0.3)))
    firsts = [row[0].strip() for row in page.rows if row]
    for name in ("all calls", "short", "medium", "long", "streaming"):
        assert firsts.count(name) == 2, name
    assert firsts.count("not streaming") == 1
    assert page.row("http_5xx")[1:3] == ["76", "100%"]
    assert "upstream connect error or disconnect" in page.row("http_5xx")[-1]
    totals = [row for row in page.rows if row and row[0].strip() == "tpot"]
    assert [len(row) for row in totals] == [9]


def test_the_page_shows_a_baseline_if_there_is_one(make_run: RunMaker) -> None:
    """What has a limit first, each figure once, and what differs besides; none without a baseline."""
    summary = summarised(make_run, scale=2.0)
    plain = json.loads(to_json.render(summary))
    plain["environment"]["cpu"] = "<b>another</b>"
    for spread in plain["spreads"]:
        spread["p95_ms"] /= 2
    compared = with_baseline(summary, Recorded.of(plain, "the <b>base</b>"))
    page = Page(to_html.render(compared))
    assert page.ids()[-3:] == ["totals", "comparison", "setup"]
    figures = [row[0].strip() for row in page.rows if row and re.fullmatch(r"\w+(:p?\w+)+", row[0].strip())]
    assert figures.count("latency:p95") == 1
    judged = page.row("latency:p95")
    assert (judged[3:5], judged[5].split()[-1]) == (["+100%", "+25%"], "regressed")
    assert "the <b>base</b>" in page.text
    assert "comparison" not in Page(to_html.render(summary)).ids()


def test_nothing_is_drawn_that_was_not_measured(make_run: RunMaker) -> None:
    """No first token without streams, no errors without failures."""
    summary = summarised(make_run, streaming=0.0, slo=None)
    html = to_html.render(summary)
    page = Page(html)
    assert "errors" not in page.ids()
    assert "Time to first token" not in html
    assert "ttft" not in page.text
    assert summary.timeline is not None
    assert {track.chart for track in summary.timeline.tracks} == {"calls", "users", "latency", "tokens"}


def test_a_run_without_any_call_still_has_a_report(make_run: RunMaker) -> None:
    """It fails, and says so, without a chart in it."""
    folder = make_run()
    (folder / "intervals.jsonl").unlink()
    summary = write_reports(folder)
    assert summary.verdict.exit_code == 99
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert Page(html).ids() == ["verdict", "trust", "thresholds", "stages", "totals", "setup"]
    assert len(html) < 60_000


def test_the_page_asks_the_network_for_nothing(make_run: RunMaker) -> None:
    """No address in any attribute or style, and a policy that forbids what scripts might try."""
    html = to_html.render(summarised(make_run))
    page = Page(html)
    for tag, attrs in page.starts:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#")), (tag, attrs)
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert styles
    assert not [style for style in styles if "url(" in style or "@import" in style]
    (policy,) = [a["content"] for t, a in page.starts if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_the_page_is_small_for_the_longest_run(make_run: RunMaker) -> None:
    """Six hundred intervals, every percentile and every class of failure: still under 2 MB."""
    summary = summarised(make_run, incident_share=0.3)
    assert summary.timeline is not None
    tracks = [(track.chart, track.name) for track in summary.timeline.tracks]
    tracks += [("errors", f"class {n}") for n in range(13)]
    long = Timeline(
        60.0,
        tuple(60.0 * n for n in range(600)),
        tuple(Track(chart, name, tuple(123.456 + n / 7 for n in range(600))) for chart, name in tracks),
        summary.timeline.limits,
    )
    assert len(to_html.render(replace(summary, timeline=long)).encode()) < 2_000_000


def test_text_of_the_target_is_shown_and_never_markup(make_run: RunMaker) -> None:
    """Error messages, the model's and the target's names, labels: in tables, titles and embedded data."""
    facts = {
        "target": {"name": HOSTILE, "url": HOSTILE, "dialect": HOSTILE, "model": HOSTILE},
        "command": HOSTILE,
        "environment": {HOSTILE: HOSTILE},
    }
    summary = summarised(make_run, incident_share=0.3, failure=("http_5xx", 500, HOSTILE), facts=facts)
    page = Page(to_html.render(summary))
    elements = [tag for tag, _ in page.starts]
    assert "img" not in elements
    assert elements.count("script") == len(page.scripts) == 2
    assert page.text.count("<img src=x onerror=alert(2)>{{7*7}}") >= 6
    assert "alert(1)" not in "".join(page.scripts)


def test_data_in_a_script_element_can_not_end_it(make_run: RunMaker) -> None:
    """A name of a stage or a track is the only foreign text there; it is escaped, and comes back whole."""
    summary = summarised(make_run)
    assert summary.timeline is not None
    name = "</script><script>alert(1)//\u2028"
    stages = tuple(replace(stage, name=name) for stage in summary.stages)
    tracks = (*summary.timeline.tracks, Track("errors", name, tuple(1.0 for _ in summary.timeline.at_s)))
    changed = replace(summary, stages=stages, timeline=replace(summary.timeline, tracks=tracks))
    html = to_html.render(changed)
    page = Page(html)
    assert len(page.scripts) == 2
    assert not set("<>&") & set(page.scripts[0])
    names = [curve["name"] for curve in json.loads(page.scripts[0])["charts"]["errors"]["curves"]]
    assert name in names


def test_markdown_of_the_target_is_no_markup(make_run: RunMaker) -> None:
    """A message can break neither the table nor the page, and notifies nobody."""
    hostile = f"{HOSTILE} | @octocat\nsecond line"
    facts = {"target": {"name": "a <b> @team_x | *y*", "url": "", "dialect": "", "model": "m"}}
    text = to_markdown.render(
        summarised(make_run, incident_share=0.3, failure=("http_5xx", 500, hostile), facts=facts)
    )
    assert "# ❌ stress against a &lt;b&gt; @\u2060team_x \\| \\*y\\*" in text
    (row,) = [line for line in text.splitlines() if line.startswith(("| http\\_5xx", "| http_5xx"))]
    cells = re.split(r"(?<!\\)\|", row)[1:-1]
    assert len(cells) == 6
    assert cells[-1].strip().startswith("``")
    assert "second line" in cells[-1]


def test_reports_of_a_run_land_in_its_folder(make_run: RunMaker) -> None:
    """And nothing else does; making them again changes nothing."""
    folder = make_run()
    before = {file.name for file in folder.iterdir()}
    write_reports(folder)
    first = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert set(first) - before == {"summary.json", "report.html", "report.md", "junit.xml"}
    write_reports(folder)
    again = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert again["summary.json"] == first["summary.json"]
    assert again["report.md"] == first["report.md"]


def test_reports_of_a_prefix_land_beside_it_or_where_told(tmp_path: Path) -> None:
    """`x_stats.csv` gets `x_report.html`."""
    for file in LOCUST.glob("clean_*"):
        (tmp_path / file.name.replace("clean", "my.run")).write_bytes(file.read_bytes())
    write_csv_reports(tmp_path / "my.run")
    made = {file.name for file in tmp_path.iterdir() if file.suffix != ".csv"}
    assert made == {"my.run_summary.json", "my.run_report.html", "my.run_report.md", "my.run_junit.xml"}
    summary = write_csv_reports(tmp_path / "my.run", output=tmp_path / "new" / "place")
    assert {file.name for file in (tmp_path / "new" / "place").iterdir()} == {
        "summary.json",
        "report.html",
        "report.md",
        "junit.xml",
    }
    assert summary.verdict.sentence.startswith("PASS: 641 calls succeeded")
    page = Page((tmp_path / "my.run_report.html").read_text(encoding="utf-8"))
    assert page.ids() == ["verdict", "trust", "thresholds", "timeline", "latency", "totals", "setup"]
    assert page.row("chat short stream")[1:] == ["66.0", "80.0", "85.0", "97.0", "111", "466"]


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """No traceback for a file where a folder should be."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(RunFolderError, match="taken: can't be made"):
        write_csv_reports(LOCUST / "clean", output=tmp_path / "taken")
