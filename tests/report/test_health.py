"""Each limit of generator health, just kept and just broken, from hand-made run folders to the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.health_limits import LIMITS
from tokenswarm.report import to_html, to_markdown, to_text
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary import Check, Summary

PAGE = Path(__file__).parents[2] / "docs" / "health.md"
WARM_S, HOLD_S = 4.0, 20.0
END_S = WARM_S + HOLD_S
RATE, USERS = 50, 40
DUE = int(RATE * HOLD_S)  # of the judged stage
CLOSED = [
    {"name": "warm-up", "duration": f"{WARM_S}s", "users": USERS, "warmup": True},
    {"name": "hold", "duration": f"{HOLD_S}s", "users": USERS},
]
OPEN = [
    {"name": "warm-up", "duration": f"{WARM_S}s", "rate": RATE, "warmup": True},
    {"name": "hold", "duration": f"{HOLD_S}s", "rate": RATE},
]


@dataclass
class Script:
    """What the generator was like in the judged stage; in the warm-up all goes wrong."""

    is_open: bool = True
    arrivals: str = "constant"
    lags_ms: Sequence[float] = (1.0,) * 400
    gc_ms: Sequence[float] = (2.0,)
    delay_ms: float = 1.0
    counted: int = DUE  # planned starts that the generator came to
    dropped: int = 0
    late: int = 0
    made: int = DUE
    users: float = USERS
    cpu: Sequence[float] = (0.5,) * int(HOLD_S)
    mock: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    stages: Sequence[Mapping[str, Any]] = ()


def summary_of(folder: Path, script: Script) -> Summary:
    """The run of a script, written down, read and judged."""
    folder.mkdir(exist_ok=True)
    collector = Collector(0.0, 1.0)
    calls = 0
    for stage, first_s, seconds, made in (
        ("warm-up", 0.0, WARM_S, 10),
        ("hold", WARM_S, HOLD_S, script.made),
    ):
        for i in range(made):
            record = CallRecord(first_s + seconds * (i + 0.5) / made)
            record.scenario, record.stage, record.prompt = "chat", stage, "short"
            record.outcome, record.status = "success", 200
            delay_s = (script.delay_ms if stage == "hold" else 900) / 1000
            record.started_at_s = record.sent_at_s = record.intended_at_s + delay_s
            record.ended_at_s = record.sent_at_s + 0.01
            collector.record(record)
            calls += 1
    collector.observe("generator_lag", 1.0, [2.0] * 50, "warm-up")
    collector.observe("gc_pause", 1.0, [2.0], "warm-up")
    collector.observe("generator_lag", 6.0, [ms / 1000 for ms in script.lags_ms], "hold")
    collector.observe("gc_pause", 6.0, [ms / 1000 for ms in script.gc_ms], "hold")
    if script.is_open:
        collector.count("planned_starts", 1.0, "warm-up", 200)
        collector.count("dropped_starts", 1.0, "warm-up", 190)
        for name in ("counted", "dropped", "late"):
            counter = "planned_starts" if name == "counted" else f"{name}_starts"
            collector.count(counter, 6.0, "hold", getattr(script, name))
    (folder / "intervals.jsonl").write_text(json.dumps(collector.drain().to_json()) + "\n")
    samples = [("master", "users", second + 0.5, script.users) for second in range(int(END_S))]
    samples += [("worker-1", "generator_cpu", second + 0.5, 1.0) for second in range(int(WARM_S))]
    samples += [("worker-1", "generator_cpu", WARM_S + i + 0.5, cpu) for i, cpu in enumerate(script.cpu)]
    rows = [
        {"source": source, "name": name, "at_s": at_s, "value": value}
        for source, name, at_s, value in samples
    ]
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    events = [
        {"at_s": 0.0, "event": "started"},
        {"at_s": END_S, "event": "stopped", "reason": "finished"},
        {"at_s": END_S + 0.1, "event": "drained", "workers_lost": 0},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in events))
    (folder / "run.json").write_text(json.dumps(_facts(script, calls)))
    return summarise_run(read_run(folder))


def _facts(script: Script, calls: int) -> dict[str, Any]:
    stages = script.stages or (OPEN if script.is_open else CLOSED)
    arrivals: dict[str, Any] = {"arrivals": script.arrivals, "max_in_flight": 20} if script.is_open else {}
    spans = (("warm-up", 0.0, WARM_S), ("hold", WARM_S, END_S))
    return {
        "schema": 1,
        "tool": {"name": "tokenswarm", "version": "0.1.0"},
        "started_at": "2026-01-31T12:00:00+00:00",
        "state": "finished",
        "scenario": "chat",
        "profile": {
            "name": "made",
            "resolved": {"name": "made", "stages": stages, "thresholds": dict(script.thresholds), **arrivals},
        },
        "target": {"name": "mock", "url": "http://127.0.0.1:1"},
        "stages": [
            {
                "name": name,
                "start_s": start_s,
                "end_s": end_s,
                "is_warmup": name == "warm-up",
                "users": 0 if script.is_open else USERS,
            }
            for name, start_s, end_s in spans
        ],
        "width_s": 1.0,
        "workers": 1,
        "mock": {"received": calls, "answered": calls, "cut": 0, **script.mock} if script.mock else None,
    }


def check(summary: Summary, what: str) -> Check:
    """The one check of that name."""
    (found,) = [check for check in summary.checks if check.what == what]
    return found


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_a_healthy_generator_passes_whatever_its_warm_up_was_like(tmp_path: Path, is_open: bool) -> None:
    """The run that the tests below spoil; warm-ups lag, drop and burn a whole core in all of them."""
    summary = summary_of(tmp_path, Script(is_open=is_open, mock={"lag_p99_s": 0.001, "cpu_share": 0.6}))
    assert summary.verdict.exit_code == 0
    assert {check.state for check in summary.checks} == {"good"}
    named = {check.what for check in summary.checks}
    assert named >= {"generator CPU", "generator lag", "gc pause", "schedule delay", "mock", "counts"}
    assert named >= ({"late starts", "planned load", "dropped starts"} if is_open else {"users"})


@pytest.mark.parametrize(
    ("kept", "broken", "what", "figure", "mend"),
    [
        (
            {"lags_ms": [1.0] * 495 + [49.5] * 5},
            {"lags_ms": [1.0] * 490 + [51.0] * 10},
            "generator lag",
            "ms late or more (50 ms at p99 is allowed): answers waited in the generator",
            "more workers",
        ),
        (
            {"cpu": [0.94] * 20},
            {"cpu": [0.5] * 15 + [0.96] * 5},
            "generator CPU",
            "worker-1 used 95% of a core or more for 5 s of 20 s",
            "more workers",
        ),
        (
            {"late": 10},
            {"late": 11},
            "late starts",
            "11 of 1,000 calls began late (1.1%) (1% is allowed)",
            "more workers",
        ),
        (
            {"made": 990},
            {"made": 989},
            "planned load",
            "989 of 1,000 planned calls were made (98.9%) (at least 99% is allowed)",
            "lower rate",
        ),
        (
            {"dropped": 5, "made": 995},
            {"dropped": 6, "made": 994},
            "dropped starts",
            "6 of 1,000 planned calls were dropped (0.60%) (0.5% is allowed)",
            "raise max_in_flight, or the target is too slow",
        ),
        (
            {"is_open": False, "users": 38},
            {"is_open": False, "users": 37},
            "users",
            "only 37 of 40 planned users ran at the peak (at least 95% is allowed)",
            "fewer users",
        ),
        (
            {"mock": {"lag_p99_s": 0.02}},
            {"mock": {"lag_p99_s": 0.05, "cpu_share": 0.97}},
            "mock",
            "at most 50.0 ms late, with 97% of a core used (20 ms at p99 is allowed)",
            "the mock itself was too slow",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else None,
)
def test_a_breach_makes_the_run_invalid_and_names_figure_limit_and_mend(
    tmp_path: Path, kept: dict[str, Any], broken: dict[str, Any], what: str, figure: str, mend: str
) -> None:
    """At the limit the run stands; beyond it, exit 111, and the sentence says why and what to do."""
    assert summary_of(tmp_path / "kept", Script(**kept)).verdict.exit_code == 0
    summary = summary_of(tmp_path / "broken", Script(**broken))
    assert (summary.verdict.exit_code, summary.verdict.outcome) == (111, "invalid")
    said = check(summary, what)
    assert (said.state, figure in said.text, mend in said.text) == ("bad", True, True), said.text
    assert said.text in summary.verdict.sentence


@pytest.mark.parametrize(
    ("kept", "broken", "what", "figure"),
    [
        ({"gc_ms": [50.0]}, {"gc_ms": [1.0, 51.0]}, "gc pause", "garbage collection took 51.0 ms at most"),
        ({"delay_ms": 9.9}, {"delay_ms": 10.2}, "schedule delay", "10.2 ms late (10 ms at p99 is allowed)"),
        (
            {"delay_ms": 49.0, "is_open": False},
            {"delay_ms": 51.0, "is_open": False},
            "schedule delay",
            "51.0 ms late (50 ms at p99 is allowed)",
        ),
        (
            {"cpu": [0.89] * 20},
            {"cpu": [0.5] * 16 + [0.96] * 4},
            "generator CPU",
            "used up to 96% of a core (less than 90% of a core is allowed)",
        ),
        ({}, {"dropped": 1, "made": 999}, "dropped starts", "1 of 1,000 planned calls were dropped (0.10%)"),
    ],
)
def test_lesser_doubts_are_warnings(
    tmp_path: Path, kept: dict[str, Any], broken: dict[str, Any], what: str, figure: str
) -> None:
    """They are shown, and the verdict stays."""
    assert check(summary_of(tmp_path / "kept", Script(**kept)), what).state == "good"
    summary = summary_of(tmp_path / "broken", Script(**broken))
    assert check(summary, what).state == "warning"
    assert figure in check(summary, what).text
    assert summary.verdict.exit_code == 0


def test_a_few_late_timers_of_a_short_run_are_a_warning(tmp_path: Path) -> None:
    """The p99 of sixty timers is their maximum: one hiccup of the machine, and no proof."""
    summary = summary_of(tmp_path, Script(lags_ms=[1.0] * 56 + [80.0] * 4))
    assert check(summary, "generator lag").state == "warning"
    assert summary_of(tmp_path, Script(lags_ms=[1.0] * 55 + [80.0] * 5)).verdict.exit_code == 111


def test_a_short_run_at_full_cpu_is_no_proof(tmp_path: Path) -> None:
    """A busy generator is found out after five seconds, however large their share is."""
    assert check(summary_of(tmp_path, Script(cpu=[0.99] * 4)), "generator CPU").state == "warning"
    assert check(summary_of(tmp_path, Script(cpu=[0.99] * 5)), "generator CPU").state == "bad"


@pytest.mark.parametrize("metric", ["dropped_rate", "dropped_starts"])
def test_a_threshold_on_drops_decides_instead_of_the_limit(tmp_path: Path, metric: str) -> None:
    """A profile that looks for the breaking point expects drops."""
    for line, code in (("< 40%", 0), ("< 20%", 99)):
        limit = line if metric == "dropped_rate" else {"< 40%": "count < 400", "< 20%": "count < 200"}[line]
        script = Script(dropped=300, made=700, thresholds={metric: [limit]})
        summary = summary_of(tmp_path, script)
        assert summary.verdict.exit_code == code
        assert check(summary, "dropped starts").state == "note"
        assert check(summary, "planned load").text.endswith("calls were made (70.0%), and 300 dropped")


def test_calls_that_the_generator_never_came_to_are_missed(tmp_path: Path) -> None:
    """A generator that stands still counts no plan: the profile's is held against it."""
    summary = summary_of(tmp_path, Script(counted=900, made=900))
    assert check(summary, "planned load").state == "bad"
    assert "900 of 990 planned calls" in check(summary, "planned load").text


def test_chance_is_no_missing_call(tmp_path: Path) -> None:
    """A poisson process of 1,000 may well make 900, if it had no more due; having more due, it may not."""
    assert summary_of(tmp_path, Script(arrivals="poisson", counted=900, made=900)).verdict.exit_code == 0
    short = summary_of(tmp_path, Script(arrivals="poisson", counted=1000, made=900))
    assert check(short, "planned load").state == "bad"


def test_users_between_two_samples_are_no_breach(tmp_path: Path) -> None:
    """A plan that is at its peak for a moment may never be sampled there: a warning, not invalid."""
    ramp = [
        CLOSED[0] | {"users": 1, "duration": "23s"},
        {"name": "hold", "duration": "1s", "users": USERS},
    ]
    summary = summary_of(tmp_path, Script(is_open=False, users=20, stages=ramp))
    assert check(summary, "users").state == "warning"
    assert summary.verdict.exit_code == 0


def test_the_page_on_health_has_every_limit_as_the_program_has_it() -> None:
    """Whoever looks a limit up finds the one that decided, with its meaning and its mend."""
    page = PAGE.read_text(encoding="utf-8")
    for limit in LIMITS.values():
        beyond = "invalid" if limit.state == "bad" else "warning"
        assert f"| `{limit.name}` | {limit.shown} | {beyond} | {limit.means} | {limit.mend} |" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len([row for row in rows if " invalid " in row or " warning " in row]) == len(LIMITS)


def test_reports_of_open_arrivals_set_the_plan_beside_what_came_of_it(tmp_path: Path) -> None:
    """Planned and achieved rate in the chart, the stages and the totals; drops and late starts counted."""
    summary = summary_of(tmp_path, Script(dropped=3, made=997, late=7))
    assert summary.timeline is not None
    (planned,) = [track for track in summary.timeline.of("calls") if track.name == "planned calls/s"]
    assert planned.values[1] == 200
    assert planned.values[6] == DUE
    assert [stage.offered_rate for stage in summary.stages] == [200 / WARM_S, DUE / HOLD_S]
    totals = {total.metric: total.text for total in summary.totals}
    assert (totals["offered_rate"], totals["dropped_starts"], totals["late_starts"]) == ("50.0/s", "3", "7")
    assert "Load: 50.0/s planned, 49.9/s ended; 3 dropped, 7 late" in to_text.render(summary)
    assert "| Stage | from | to | planned/s |" in to_markdown.render(summary)
    assert "planned/s</th>" in to_html.render(summary)


def test_reports_of_the_closed_model_say_nothing_of_plans(tmp_path: Path) -> None:
    """No call of theirs was due at a time."""
    summary = summary_of(tmp_path, Script(is_open=False))
    assert summary.timeline is not None
    assert [track.name for track in summary.timeline.of("calls")] == ["calls/s"]
    assert not {"offered_rate", "dropped_starts"} & {total.metric for total in summary.totals}
    assert "Load:" not in to_text.render(summary)
    assert "| Stage | from | to | users |" in to_markdown.render(summary)


def test_the_generator_is_drawn_where_its_lag_was_measured(tmp_path: Path) -> None:
    """Lag of each interval in milliseconds, CPU in per cent of a core; no chart without a lag."""
    summary = summary_of(tmp_path, Script(lags_ms=[1.0] * 98 + [30.0] * 2, cpu=[0.25] * 20))
    assert summary.timeline is not None
    (lag,) = summary.timeline.of("generator")
    assert lag.values[6] == pytest.approx(30, rel=0.01)
    (cpu,) = summary.timeline.of("generator_cpu")
    assert cpu.values[:6] == (100.0, 100.0, 100.0, 100.0, 25.0, 25.0)
    assert "Load generator: how late" in to_html.render(summary)
    timeline = replace(
        summary.timeline, tracks=tuple(t for t in summary.timeline.tracks if t.chart != "generator")
    )
    assert "Load generator: how late" not in to_html.render(replace(summary, timeline=timeline))
