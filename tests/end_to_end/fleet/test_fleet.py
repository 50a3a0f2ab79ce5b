"""A master and workers that were started by hand: together, apart, refused, lost, forged and abandoned."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end
HERE = Path(__file__).parent
CHAT = HERE.parents[2] / "locustfiles" / "chat.py"
BOUND_S = 60
KEY = "sk-never-on-the-wire-51b7"
PREFLIGHT_CALLS = 2
QUICK = MockOptions(ttft="5", itl="0", tokens="2")


def events_of(running: Any, name: str) -> list[dict[str, Any]]:
    """Of a run that goes on; a line may be half written."""
    files = list(running.reports.glob("*/events.jsonl"))
    lines = files[0].read_text().splitlines(keepends=True) if files else []
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return [event for event in events if event["event"] == name]


def by_interval(folder: Path, name: str) -> Counter[int]:
    """A counter of the run by second."""
    found: Counter[int] = Counter()
    for line in (folder / "intervals.jsonl").read_text().splitlines():
        delta = json.loads(line)
        assert delta["width_s"] == 1.0
        for series in delta["series"]:
            found[series["interval"]] += int(series["counts"].get(name, 0))
    return found


def locust_of(folder: Path) -> psutil.Process:
    (locust,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in (process.info["cmdline"] or [])
    )
    return locust


def test_three_processes_count_to_the_call_and_no_key_crosses_the_wire(
    start: Callable,
    work: Callable,
    port: int,
    tap: Any,
    profile: Callable,
    made_by: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What workers say they made is what the report holds and the target got, though the wire stood still
    for two seconds; the key is in none of the places where somebody could find it."""
    monkeypatch.setenv("TOKENSWARM_API_KEY", KEY)
    options = MockOptions(ttft="5", itl="0", tokens="2", api_key_env="TOKENSWARM_API_KEY")
    with MockProcess(options) as mock:
        text = "stages: [{name: steady, duration: 5s, users: 6}]\nthink_time: 50ms\n"
        master = start(
            *("run", profile(text), "--target", mock.url, "--model", "mock"),
            *("--expect-workers", "2", "--port", str(port)),
        )
        workers = [work("--port", str(tap.port)) for _ in range(2)]
        folder = master.await_measurements()
        tap.hold(2.0)
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        done, ended = master.wait(), [worker.wait() for worker in workers]
        received = mock.counters().received - PREFLIGHT_CALLS
    assert [worker.code for worker in ended] == [0, 0]
    made = [made_by(worker) for worker in ended]
    assert min(made) > 0
    assert sum(made) == done.counted() == received, done.out + done.err
    (drained,) = done.events("drained")
    assert sorted(drained["calls"].values()) == sorted(made)
    assert drained["rejected_reports"] == drained["strangers"] == drained["workers_lost"] == 0
    summary = json.loads((done.folder / "summary.json").read_text())
    (latency,) = (s for s in summary["spreads"] if (s["metric"], s["group"]) == ("latency", "all"))
    assert latency["count"] == received
    assert done.code == 0 or done.is_starved, done.out
    assert b"client_ready" in tap.heard
    assert KEY.encode() not in tap.heard
    assert not [line for line in lines if KEY in line]
    for file in folder.iterdir():
        assert KEY.encode() not in file.read_bytes(), file
    assert KEY not in done.out + done.err + "".join(worker.err for worker in ended)


def test_a_worker_that_joins_takes_its_share_and_one_of_three_that_dies_makes_the_run_invalid(
    start: Callable, work: Callable, port: int, profile: Callable
) -> None:
    """Planned calls are made to the call while workers come; of one that dies, what it did not report and its
    share until the others take it over are missing, and nothing else."""
    rate, lasts_s = 60, 25
    stage = f"{{name: steady, duration: {lasts_s}s, rate: {rate}}}"
    text = f"arrivals: constant\nmax_in_flight: 60\nstages: [{stage}]\n"
    with MockProcess(QUICK) as mock:
        master = start(
            *("run", profile(text), "--target", mock.url, "--model", "mock"),
            *("--expect-workers", "2", "--port", str(port)),
        )
        workers = [work(), work()]
        master.await_measurements()
        workers.append(work())
        master.await_that(lambda: len(events_of(master, "shares")) == 1)
        (joined,) = events_of(master, "shares")
        master.await_that(lambda: "the run has begun" in workers[2].err)
        # Some calls by three.
        before = mock.counters().received
        master.await_that(lambda: mock.counters().received > before + 3 * rate)
        victim = psutil.Process(workers[0].pid)
        (index,) = re.findall(r"as (worker-\d)", workers[0].err)
        victim.kill()
        done = master.wait()
        received = mock.counters().received - PREFLIGHT_CALLS
    (lost,) = done.events("worker_lost")
    taken_over = done.events("shares")[1]
    assert joined["members"] == 3
    assert taken_over["members"] == 2
    assert (lost["worker"], lost["calls"] > 0) == (index, True)
    planned = by_interval(done.folder, "planned_starts")
    dropped = by_interval(done.folder, "dropped_starts")
    reported_s, again_s = int(lost["reported_s"]), int(taken_over["from_s"]) + 1
    whole = [i for i in range(lasts_s) if i < reported_s - 1 or i >= again_s]
    assert {planned[i] for i in whole} == {rate}, planned
    assert len(whole) > lasts_s // 2, planned
    share = (taken_over["from_s"] - lost["reported_s"] + 2) * rate / 3
    assert 0 < rate * lasts_s - planned.total() <= share
    assert planned.total() == done.counted() + dropped.total()
    assert done.counted() <= received
    assert done.code == 111, done.out
    assert f"{index} (" in done.said
    assert f"which had reported {lost['calls']} calls" in done.said
    assert [worker.wait().code for worker in workers[1:]] == [0, 0]


def test_a_worker_that_begins_late_makes_its_last_calls_all_the_same(
    start: Callable, work: Callable, port: int, tap: Any, profile: Callable
) -> None:
    """Its plan was a second or two on its way: so far it is behind when the master says that all is over."""
    rate, lasts_s = 60, 3
    stage = f"{{name: steady, duration: {lasts_s}s, rate: {rate}}}"
    text = f"arrivals: constant\nmax_in_flight: 60\nstages: [{stage}]\n"
    tap.hold_from(b"client_ready", 2.0)
    master = start("run", profile(text), "--expect-workers", "2", "--port", str(port))
    prompt = work()
    master.await_that(lambda: "joined the master" in prompt.err)
    late = work("--port", str(tap.port))
    done = master.wait()
    assert [worker.wait().code for worker in (prompt, late)] == [0, 0]
    assert done.events("worker_lost") == []
    assert by_interval(done.folder, "planned_starts").total() == rate * lasts_s, done.out
    assert done.counted() + by_interval(done.folder, "dropped_starts").total() == rate * lasts_s
    assert done.counted() == done.run["mock"]["received"]


def test_nothing_that_a_peer_sends_ends_the_master(
    start: Callable, work: Callable, port: int, profile: Callable, made_by: Callable
) -> None:
    """A stranger's rubbish is dropped, a worker's makes the run INVALID, and an honest one is counted."""
    text = "stages: [{name: steady, duration: 4s, users: 4}]\nthink_time: 50ms\n"
    master = start("run", profile(text), "--expect-workers", "2", "--port", str(port))
    worker = work()
    master.await_that(lambda: "1 of 2 here" in master.err)
    with subprocess.Popen(
        [sys.executable, HERE / "hostile_peer.py", str(port), CHAT], stdout=subprocess.PIPE, text=True
    ) as peer:
        done = master.wait()
        said, _ = peer.communicate(timeout=BOUND_S)
    assert peer.returncode == 0
    sent = int(said.split()[-1])
    (drained,) = done.events("drained")
    assert drained["rejected_reports"] == sent > 0
    assert drained["strangers"] >= 10
    assert done.counted() == done.run["mock"]["received"] == made_by(worker.wait()) > 0
    assert done.code == 111, done.out
    assert f"INVALID: {sent} reports of workers could not be read" in done.said
    log = (done.folder / "run.log").read_text()
    assert "Traceback" not in log + done.err
    assert done.run["state"] == "finished"


def test_a_second_master_on_a_port_that_is_taken_leaves_the_first_one_alone(
    start: Callable, work: Callable, port: int, profile: Callable, made_by: Callable
) -> None:
    """It says so by one line before any load, and keeps nothing; the first one's run counts as ever."""
    # Longer than the second takes to come, however busy the machine: it is ended once that has been refused.
    own = profile("stages: [{name: steady, duration: 10m, users: 4}]\nthink_time: 50ms\n")
    first = start("run", own, "--expect-workers", "1", "--port", str(port))
    worker = work()
    first.await_measurements()
    second = start("run", own, "--expect-workers", "1", "--port", str(port)).wait()
    assert second.code == 104
    (line,) = second.err.splitlines()
    assert f"--bind-host 127.0.0.1 --port {port}: can't listen there: Address already in use" in line
    assert "another master" in line
    assert not second.reports.exists() or not list(second.reports.iterdir())
    first.send(signal.SIGINT)
    done = first.wait()
    (drained,) = done.events("drained")
    assert drained["strangers"] == drained["workers_lost"] == 0
    assert done.counted() == done.run["mock"]["received"] == made_by(worker.wait()) > 0
    assert done.code == 105, done.out


def test_workers_stop_when_their_master_is_gone(
    start: Callable, work: Callable, port: int, profile: Callable
) -> None:
    """Also while users are still being started, and while calls that would last long are in flight."""
    with MockProcess(MockOptions(ttft="100", itl="400", tokens="10")) as mock:
        text = "stages: [{name: climb, duration: 120s, users: 60}]\n"
        master = start(
            *("run", profile(text), "--target", mock.url, "--model", "mock"),
            *("--expect-workers", "2", "--port", str(port)),
        )
        workers = [work(), work()]
        folder = master.await_measurements()
        locust_of(folder).kill()
        killed_at_s = time.monotonic()
        ended = [worker.wait() for worker in workers]
        took_s = time.monotonic() - killed_at_s
        counters = mock.counters()
        done = master.wait()
    for worker in ended:
        assert worker.code == 111, worker.err
        assert f"nothing was heard of the master at 127.0.0.1:{port}" in worker.err.splitlines()[-1]
        assert "Traceback" not in worker.err
    # 10 s are promised, Locust's own would take 60; what is left is for this machine.
    assert took_s < 20
    assert counters.in_flight == 0
    assert done.code == 111, done.out


def test_a_master_takes_only_workers_that_fit_and_does_not_wait_for_ever(
    start: Callable, work: Callable, port: int, tap: Any, other_tap: Any, profile: Callable, tmp_path: Path
) -> None:
    """One fits; another has its own profile and locustfile: exit 104 on both sides, with what each has."""
    other = tmp_path / "chat.py"
    shutil.copy(CHAT, other)
    with other.open("a") as file:
        file.write("\n# changed\n")
    own = profile("stages: [{name: steady, duration: 4s, users: 4}]\n")
    refused = work("--load-profile", "smoke", "--scenario", str(other), "--port", str(tap.port))
    good = work("--port", str(other_tap.port))
    # How long a machine takes to start them is no part of the wait.
    for worker, way in ((refused, tap), (good, other_tap)):
        worker.await_that(way.is_sought.is_set)
    master = start(
        *("run", own, "--expect-workers", "2", "--port", str(port), "--expect-workers-max-wait", "12s")
    )
    done = master.wait()
    assert done.code == 104, done.err
    assert not list(done.reports.iterdir())
    assert "only 1 of 2 workers came within 12 s (" in done.err
    ended = refused.wait()
    assert ended.code == 104, ended.err
    assert f"refused by the master at 127.0.0.1:{tap.port}: " in ended.err
    for reason in ("the scenario's locustfile is ", "the profile is ", " on the worker and "):
        assert reason in ended.err
        assert reason in done.err
    left = good.wait()
    assert left.code == 111
    assert left.err.splitlines()[-1] == "tokenswarm worker: the master ended before a run began"


def test_a_worker_without_the_key_says_so_and_ends_the_run(
    start: Callable, work: Callable, port: int, profile: Callable
) -> None:
    """All its calls would be refused, and look like the target's fault."""
    own = profile("stages: [{name: steady, duration: 60s, users: 4}]\n")
    with_key = {"TOKENSWARM_API_KEY": KEY}
    master = start("run", own, "--expect-workers", "2", "--port", str(port), environ=with_key)
    workers = [work(environ=with_key), work(environ={"TOKENSWARM_API_KEY": ""})]
    done = master.wait()
    assert done.code == 111, done.out
    assert "could not take part: TOKENSWARM_API_KEY not in its environment" in done.said
    assert workers[0].wait().code == 0
    ended = workers[1].wait()
    assert ended.code == 104
    assert "this machine can't take part: TOKENSWARM_API_KEY not in its environment" in ended.err
