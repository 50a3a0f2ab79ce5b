"""Run folders as `tokenswarm run` writes them, from calls that went as a script says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.measurements import CHECK_ASKED, CHECK_MET
from tokenswarm.metrics.moments import MomentNames
from tokenswarm.profile.expectations import Expect, Expectations
from tokenswarm.profile.slo import Slo
from tokenswarm.report.locust_csv import LocustCsv
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summarise_csv import summarise_csv
from tokenswarm.report.summary import Summary
from tokenswarm.report.write import write_beside, write_into

STAGES = (  # name, seconds, users at its end, warm-up
    ("warm-up", 5.0, 10, True),
    ("climb", 15.0, 100, False),
    ("hold", 30.0, 100, False),
    ("recover", 10.0, 10, False),
)
PROFILE = {
    "name": "stress",
    "description": "Climb past the expected peak, hold, and see it recover.",
    "scenario": "chat",
    "stages": [
        {"name": name, "duration": f"{seconds:g}s", "users": users, "warmup": warmup}
        for name, seconds, users, warmup in STAGES
    ],
    "streaming": 0.5,
    "thresholds": {"error_rate{stage:hold}": ["< 1%"], "request_rate{stage:hold}": ["> 20/s"]},
}
SLO = {
    "name": "production",
    "title": "Production",
    "objectives": {"latency": "1s"},
    "thresholds": {
        "latency": [
            {"slo": "p(50) < 300ms", "sla": "p(50) < 600ms"},
            {"slo": "p(95) < 500ms", "sla": "p(95) < 900ms"},
        ],
        "ttft": ["p(95) < 200ms", {"threshold": "p(99) < 1s over 5s", "severity": "warn"}],
        "cache_hit_rate": [{"slo": "> 30%", "sla": "> 20%", "if_measured": True}],
    },
    "hints": {
        "error_rate": ["Read the failures by class and status in this report.", "Check rate limits."],
        "latency": ["Compare with the provider's own response times.", "See whether the cache answers."],
    },
}
OUTPUT_TOKENS = {"short": 10, "medium": 24, "long": 48}


@dataclass
class Script:
    """How the run goes."""

    seed: int = 7
    streaming: float = 0.5
    failing: Callable[[float], float] = lambda _at_s: 0.0  # time → share of calls that fail
    slowness: Callable[[float], float] = lambda _at_s: 1.0
    failure: tuple[str, int, str] = ("http_5xx", 503, "upstream connect error or disconnect")
    stopped_s: float = 60.0
    reason: str = "finished"
    detail: str = ""
    state: str = "finished"
    slo: Mapping[str, Any] | None = field(default_factory=lambda: SLO)
    profile: Mapping[str, Any] = field(default_factory=lambda: PROFILE)
    facts: Mapping[str, Any] = field(default_factory=dict)  # over those of run.json
    lost: tuple[str, ...] = ()
    drained: Mapping[str, Any] | None = field(
        default_factory=lambda: {"workers_lost": 0, "undrained": 0, "rejected_reports": 0}
    )
    model: str = "mock"
    scale: float = 0.4  # calls a second of one user
    alter: Callable[[CallRecord, Random], None] = lambda _record, _rng: None  # what is special about a call
    events: Sequence[Mapping[str, Any]] = ()  # more of them


def write_reports(folder: Path) -> Summary:
    """Judge a run folder and write its reports into it."""
    summary = summarise_run(read_run(folder))
    write_into(folder, summary)
    return summary


def write_csv_reports(prefix: Path, slo: Slo | None = None, output: Path | None = None) -> Summary:
    """Judge PREFIX_stats.csv and its kin, and write reports beside it or into `output`."""
    summary = summarise_csv(LocustCsv(prefix), None, slo)
    write_beside(prefix, summary, output)
    return summary


def users_at(at_s: float) -> int:
    """The plan of STAGES: linear within a stage."""
    start_s, before = 0.0, 10
    for _, seconds, users, _ in STAGES:
        if at_s < start_s + seconds:
            return round(before + (users - before) * (at_s - start_s) / seconds)
        start_s, before = start_s + seconds, users
    return 0


def stage_at(at_s: float) -> str:
    """The stage of STAGES in which a call is due."""
    end_s = 0.0
    for name, seconds, _, _ in STAGES:
        end_s += seconds
        if at_s < end_s:
            return name
    return STAGES[-1][0]


def calls_of(script: Script) -> Iterator[CallRecord]:
    """The calls, in order of their due times; the run's clock starts at 0."""
    rng = Random(script.seed)
    at_s = 0.0
    while True:
        at_s += rng.expovariate(max(1.0, users_at(at_s)) * script.scale)
        if at_s >= script.stopped_s:
            return
        record = CallRecord(at_s)
        record.scenario, record.stage = "chat", stage_at(at_s)
        record.prompt = rng.choices(("short", "medium", "long"), (30, 50, 20))[0]
        record.stream = rng.random() < script.streaming
        _answer(record, script, rng, at_s)
        script.alter(record, rng)
        yield record


def _answer(record: CallRecord, script: Script, rng: Random, at_s: float) -> None:
    slow = script.slowness(at_s) * rng.lognormvariate(0, 0.25) * (1 + users_at(at_s) / 200)
    sent_s = at_s + 0.0004
    record.started_at_s = record.sent_at_s = sent_s
    record.bytes_sent = 400
    if rng.random() < script.failing(at_s):
        record.outcome, record.status, record.detail = script.failure
        record.headers_at_s = record.ended_at_s = sent_s + 0.02 * slow
        record.bytes_received = 180
        return
    tokens = OUTPUT_TOKENS[record.prompt]
    first_s, step_s = 0.06 * slow, 0.008 * slow
    record.status = 200
    record.headers_at_s = sent_s + first_s * 0.9
    record.input_tokens, record.output_tokens = tokens * 2, tokens
    record.bytes_received = 300 + 20 * tokens
    record.ended_at_s = sent_s + first_s + step_s * (tokens - 1)
    if record.stream:
        record.content_at_s = [sent_s + first_s + step_s * n for n in range(tokens)]
        record.first_output_at_s = record.content_at_s[0]
        record.chunks = tokens


def write_run(folder: Path, script: Script) -> Path:
    """A run folder, a delta a second as a worker sends them."""
    folder.mkdir(parents=True)
    _write_intervals(folder, script)
    _write_samples(folder, script)
    _write_events(folder, script)
    (folder / "run.json").write_text(json.dumps(facts_of(script), indent=1), encoding="utf-8")
    return folder


def facts_of(script: Script) -> dict[str, Any]:
    """run.json."""
    stages, start_s = [], 0.0
    for name, seconds, users, warmup in STAGES:
        end_s = start_s + seconds
        stages.append({"name": name, "start_s": start_s, "end_s": end_s, "is_warmup": warmup, "users": users})
        start_s = end_s
    slo = script.slo
    return {
        "schema": 1,
        "tool": {"name": "tokenswarm", "version": "0.1.0"},
        "started_at": "2026-01-31T12:00:00+00:00",
        "ended_at": "2026-01-31T12:01:01+00:00",
        "state": script.state,
        "scenario": "chat",
        "profile": {
            "name": "stress",
            "file": "profiles/stress.yaml",
            "sha256": "c0ffee",
            "resolved": dict(script.profile),
        },
        "slo": {"name": slo["name"], "file": "profiles/slo/production.yaml", "resolved": slo}
        if slo
        else None,
        "target": {
            "name": "gateway",
            "url": "http://127.0.0.1:40001",
            "dialect": "openai-chat",
            "model": script.model,
            "is_embedded_mock": False,
        },
        "stages": stages,
        "time_scale": 0.5,
        "seed": script.seed,
        "workers": 2,
        "width_s": 1.0,
        "command": "tokenswarm run stress --time-scale 0.5",
        "locust_command": "python -m locust -f locustfiles/chat.py --headless",
        "environment": {"python": "3.11.7", "locust": "2.47.0", "cores": 2, "git_commit": None},
        "locust_exit_code": 0,
        "mock": None,
        **script.facts,
    }


def _write_intervals(folder: Path, script: Script) -> None:
    objectives = {"latency": 1.0} if script.slo else None
    collector = Collector(0.0, 1.0, objectives)
    moments = MomentNames()
    lines, now_s = [], 1.0
    for record in calls_of(script):
        while record.intended_at_s > now_s:
            lines.append(json.dumps(collector.drain().to_json()))
            now_s += 1.0
        collector.record(record)
        _count_checks(collector, script, record)
        if script.profile.get("actions"):
            _count_moment(collector, moments, record)
    lines.append(json.dumps(collector.drain().to_json()))
    (folder / "intervals.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _count_moment(collector: Collector, names: MomentNames, record: CallRecord) -> None:
    """As a load generator does beside actions."""
    assert record.ended_at_s is not None
    for name in names.of(int(record.ended_at_s * 10), record.provider, has_failed=not record.is_success):
        collector.count(name, record.ended_at_s, record.stage)


def _count_checks(collector: Collector, script: Script, record: CallRecord) -> None:
    """As a load generator does; answers to long prompts have no metadata."""
    expectations = Expectations(Expect.model_validate(script.profile.get("expect", {})))
    document = {} if record.prompt == "long" else {"metadata": {}}
    results = expectations.results(record.status, record.latency_s, document, stream=record.stream)
    for name, is_met in zip(expectations.checks, results, strict=True):
        if is_met is not None:
            assert record.ended_at_s is not None
            collector.count(f"{CHECK_ASKED}/{name}", record.ended_at_s, record.stage)
            collector.count(f"{CHECK_MET}/{name}", record.ended_at_s, record.stage, int(is_met))


def _write_samples(folder: Path, script: Script) -> None:
    rows = []
    for second in range(int(script.stopped_s)):
        at_s = second + 0.5
        rows.append({"at_s": at_s, "source": "master", "name": "users", "value": users_at(at_s)})
        cpu = round(0.1 + users_at(at_s) / 250, 3)
        rows.append({"at_s": at_s, "source": "worker-1", "name": "generator_cpu", "value": cpu})
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_events(folder: Path, script: Script) -> None:
    rows: list[dict[str, Any]] = [{"at_s": 0.0, "event": "started", "users": 0}]
    rows[0]["monotonic_s"] = 1000.0
    rows += map(dict, script.events)
    rows += [{"at_s": 30.0, "event": "worker_lost", "worker": worker} for worker in script.lost]
    if script.reason:
        stopped = {"at_s": script.stopped_s, "event": "stopped", "reason": script.reason}
        rows.append({**stopped, "detail": script.detail} if script.detail else stopped)
    if script.drained is not None:
        rows.append({"at_s": script.stopped_s + 0.8, "event": "drained", **script.drained})
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def incident(share: float) -> Callable[[float], float]:
    """Calls due from 30 s to 36 s fail with this share."""
    return lambda at_s: share if 30 <= at_s < 36 else 0.0


RunMaker = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> RunMaker:
    """Write a run folder: `make_run(incident=0.3, stopped_s=40)`; names are those of Script."""

    def make(*, incident_share: float = 0.0, **script: Any) -> Path:
        if incident_share:
            script.setdefault("failing", incident(incident_share))
            script.setdefault("slowness", lambda at_s: 1.8 if 30 <= at_s < 36 else 1.0)
        return write_run(tmp_path / "reports" / "2026-01-31T12-00-00-stress", Script(**script))

    return make


@pytest.fixture(scope="session")
def incident_summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """The summary of a run with a broken line, warnings and failures; made once, for nobody can change it."""
    script = Script(failing=incident(0.3), slowness=lambda at_s: 1.8 if 30 <= at_s < 36 else 1.0)
    folder = tmp_path_factory.mktemp("reports") / "2026-01-31T12-00-00-stress"
    return summarise_run(read_run(write_run(folder, script)))


@pytest.fixture
def golden(check_golden: Callable[[Path, str], None]) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/report/NAME."""
    folder = Path(__file__).parents[1] / "golden" / "report"
    return lambda name, text: check_golden(folder / name, text)
