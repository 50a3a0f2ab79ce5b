"""The process around the mock: counters, truth log, seeds, start and stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockCounters, MockProcess, parse_counters

Post = Callable[..., Any]
INSTANT = {"ttft": "0", "itl": "0", "tokens": "5"}
STREAM = b'{"model":"%b","stream":true,"messages":[{"role":"user","content":"hi"}]}'


def send_stream(mock: MockProcess, model: bytes) -> socket.socket:
    """A connection on which one streamed call was sent."""
    host, port = mock.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)), timeout=20)
    body = STREAM % model
    client.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    return client


def settled(mock: MockProcess) -> MockCounters:
    """Counters once nothing is in flight; each look gives the server time to notice clients that went."""
    for _ in range(2000):
        counters = mock.counters()
        if not counters.in_flight:
            return counters
    raise AssertionError("calls stay in flight")


def test_counters_are_exact_under_concurrent_and_vanishing_clients(post_to: Post) -> None:
    """Everything received is answered or cut, and the sums are the clients' own."""
    with MockProcess(MockOptions(**INSTANT)) as mock, ThreadPoolExecutor(8) as pool:

        def calls(index: int) -> list[int]:
            models = ("mock", "mock;status=429", "mock;cut=2")
            answers = [
                post_to(mock.url, model, stream=bool(index % 2)) for model in models for _ in range(10)
            ]
            return [0 if answer.is_cut else answer.status for answer in answers]

        statuses = [status for result in pool.map(calls, range(8)) for status in result]
        for client in [send_stream(mock, b"mock;ttft=60000") for _ in range(15)]:
            client.recv(100)  # the role chunk: the call has arrived
            client.close()
        counters = settled(mock)
    assert counters.received == len(statuses) + 15 == 255
    assert counters.by_status == {200: statuses.count(200), 429: statuses.count(429)} == {200: 80, 429: 80}
    assert (counters.cut_by_mock, counters.cut_by_client) == (statuses.count(0), 15) == (80, 15)
    # 40 whole streams of 8 events, 40 that were cut after the role and 2 chunks, 15 role chunks.
    assert counters.stream_events == 40 * 8 + 40 * 3 + 15


def test_a_call_in_flight_is_counted_as_received() -> None:
    """Arrived and not yet ended, and ended once the client has gone."""
    with MockProcess(MockOptions(**INSTANT)) as mock:
        client = send_stream(mock, b"mock;hang=1")
        while not (counters := mock.counters()).received:
            pass
        assert (counters.in_flight, counters.answered) == (1, 0)
        client.close()
        assert settled(mock).cut_by_client == 1


def test_an_answer_to_a_client_that_went_is_not_written(post_to: Post) -> None:
    """What was due after the client left is neither an answer nor a second end of the call."""
    with MockProcess(MockOptions(**INSTANT)) as mock:
        client = send_stream(mock, b"mock;ttft=500;tokens=1")
        client.recv(100)
        client.close()
        post_to(mock.url, "mock;ttft=600")  # long enough for the other's first token to fall due
        counters = mock.counters()
    assert (counters.answered, counters.cut_by_client, counters.in_flight) == (1, 1, 0)


def test_the_servers_own_lag_and_cpu_are_shown(mock: MockProcess, post: Post) -> None:
    """So that a saturated mock can be told from a slow client."""
    before = mock.counters()
    for _ in range(5):
        post("mock;ttft=1;itl=1", stream=True)
    after = mock.counters()
    quantile_s = after.effort.lag_quantile_s(0.5, since=before.effort)
    assert quantile_s is not None
    assert quantile_s > 0
    assert after.effort.lag_quantile_s(0.5, since=after.effort) is None
    assert after.effort.cpu_s >= before.effort.cpu_s > 0
    assert after.effort.memory_bytes > 1_000_000


def test_lag_quantiles_come_from_the_difference_of_two_pages() -> None:
    """What was late before the run isn't held against it."""
    page = (
        'tokenswarm_mock_calls_received_total 3\ntokenswarm_mock_calls_total{stream="true",status="200"} 2\n'
        'tokenswarm_mock_calls_total{stream="false",status="200"} 1\n'
        'tokenswarm_mock_calls_cut_total{by="client"} 0\ntokenswarm_mock_calls_cut_total{by="mock"} 0\n'
        "tokenswarm_mock_calls_in_flight 0\ntokenswarm_mock_stream_events_total 9\n"
        'tokenswarm_mock_loop_lag_seconds_bucket{le="0.001"} %d\n'
        'tokenswarm_mock_loop_lag_seconds_bucket{le="0.1"} %d\n'
        'tokenswarm_mock_loop_lag_seconds_bucket{le="+Inf"} %d\n'
    )
    before, after = parse_counters(page % (0, 10, 10)), parse_counters(page % (98, 110, 110))
    assert after.by_status == {200: 3}
    assert after.effort.lag_quantile_s(0.98) == 0.1
    assert after.effort.lag_quantile_s(0.98, since=before.effort) == 0.001
    assert after.effort.lag_quantile_s(0.99, since=before.effort) == 0.1


def read_truth(path: Path) -> dict[str, Any]:
    return {entry["id"]: entry for entry in map(json.loads, path.read_text().splitlines())}


def test_the_truth_log_agrees_with_what_clients_received(post_to: Post, tmp_path: Path) -> None:
    """One line a call, with its id and a time for each chunk that came, never before it was due."""
    path, began_s = tmp_path / "truth.jsonl", time.monotonic()
    with MockProcess(MockOptions(ttft="20", itl="3", tokens="6", truth_log=path)) as mock:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: post_to(mock.url, "mock;reasoning=2", stream=True), range(12)))
        whole = post_to(mock.url)
        cut = post_to(mock.url, "mock;cut=2", stream=True)
        limited = post_to(mock.url, "mock;status=429")
    truth = read_truth(path)
    assert len(truth) == 15
    for answer in answers:
        entry = truth[answer.chunks[0]["id"]]
        times_ms = entry["chunks_ms"]
        assert (entry["stream"], entry["status"], entry["ending"]) == (True, 200, "answered")
        assert len(times_ms) == len(answer.deltas) - 1 == entry["output_tokens"] == 8
        assert times_ms == sorted(times_ms)
        assert all(at_ms >= 20 + 3 * index - 0.01 for index, at_ms in enumerate(times_ms))
        assert (entry["ttft_ms"], entry["ttfo_ms"]) == (times_ms[0], times_ms[2])
        handed_ms = entry["handed_ms"]
        assert all(at_ms < over_ms for at_ms, over_ms in zip(times_ms, handed_ms, strict=True))
        assert all(over_ms < later_ms for over_ms, later_ms in zip(handed_ms, times_ms[1:], strict=False))
        assert entry["total_ms"] == handed_ms[-1]
        assert began_s < entry["monotonic_s"] < time.monotonic()
        assert entry["ttft_ms"] == pytest.approx(answer.chunks[-1]["mock"]["ttft_ms"], abs=0.002)
    entry = truth[whole.json["id"]]
    assert (entry["stream"], entry["ttft_ms"], entry["chunks_ms"], entry["output_tokens"]) == (
        False,
        None,
        [],
        6,
    )
    assert entry["total_ms"] >= 35 - 0.01
    entry = truth[cut.chunks[0]["id"]]
    assert (entry["ending"], len(entry["chunks_ms"]), entry["output_tokens"]) == ("cut_by_mock", 2, 2)
    entry = truth["chatcmpl-" + limited.headers["x-request-id"].removeprefix("req_")]
    assert (entry["status"], entry["output_tokens"]) == (429, 0)


def test_a_burst_is_written_at_one_time_when_its_last_chunk_is_due(post_to: Post, tmp_path: Path) -> None:
    """Three groups of at most four chunks: three distinct times, none before the group's last is due."""
    path = tmp_path / "truth.jsonl"
    with MockProcess(MockOptions(ttft="10", itl="4", tokens="10", truth_log=path)) as mock:
        answer = post_to(mock.url, "mock;burst=4;stall_at=5;stall=30", stream=True)
    (entry,) = read_truth(path).values()
    times_ms = entry["chunks_ms"]
    assert len(answer.contents) == len(times_ms) == 10
    assert [times_ms.count(at_ms) for at_ms in sorted(set(times_ms))] == [4, 4, 2]
    assert times_ms[0] >= 10 + 3 * 4 - 0.01
    assert times_ms[4] >= 10 + 7 * 4 + 30 - 0.01


def test_the_truth_log_is_appended_to(post_to: Post, tmp_path: Path) -> None:
    """A second run doesn't wipe out the first."""
    path = tmp_path / "truth.jsonl"
    for _ in range(2):
        with MockProcess(MockOptions(**INSTANT, truth_log=path)) as mock:
            post_to(mock.url)
    assert len(read_truth(path)) == 2


def test_a_seed_repeats_which_calls_fail(post_to: Post) -> None:
    """Same seed, same errors, near the ordered share; another seed, others."""

    def statuses(seed: int) -> list[int]:
        with MockProcess(MockOptions(**INSTANT, seed=seed, error_rate="20%", error_status=503)) as mock:
            return [post_to(mock.url).status for _ in range(150)]

    first = statuses(1)
    assert first == statuses(1)
    assert first != statuses(2)
    assert 12 <= first.count(503) <= 50


def test_server_defaults_hold_for_every_call(post_to: Post) -> None:
    """--status and --order are orders that no call has to repeat, and may override."""
    with MockProcess(MockOptions(**INSTANT, status=429, orders=("retry_after=9",))) as mock:
        answer = post_to(mock.url)
        assert (answer.status, answer.headers["retry-after"]) == (429, "9")
        assert post_to(mock.url, "mock;error_rate=0").status == 200


def run_gateway(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tokenswarm.mock", "gateway", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )


def test_a_port_in_use_is_one_clear_line_and_exit_104(mock: MockProcess) -> None:
    """No traceback; the line says what to do."""
    port = mock.url.rpartition(":")[2]
    ended = run_gateway("--port", port)
    assert (ended.returncode, ended.stdout) == (104, "")
    assert ended.stderr.count("\n") == 1
    assert f"--port {port}: already in use on 127.0.0.1" in ended.stderr
    with pytest.raises(ConfigurationError, match="already in use"), MockProcess(MockOptions(port=int(port))):
        pass


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--ttft", "soon"), "--ttft: order ttft: got 'soon', need ms: a number"),
        (("--order", "tokns=3"), "--order: unknown order 'tokns', allowed are"),
        (("--error-rate", "2"), "--error-rate: order error_rate: got '2', need 0 … 1"),
        (
            ("--api-key-env", "TOKENSWARM_NO_SUCH_KEY"),
            "TOKENSWARM_NO_SUCH_KEY: this environment variable is empty",
        ),
        (("--truth-log", "/nonexistent/truth.jsonl"), "name a file that can be written"),
        (("--host", "192.0.2.1"), "can't listen on 192.0.2.1"),
        (("--stop-with-stdin",), "standard input has to be a pipe or a terminal"),
        (("--port", "99999"), "Invalid value for '--port'"),
    ],
)
def test_a_users_mistake_is_told_without_a_traceback(arguments: tuple[str, ...], said: str) -> None:
    """Exit code 104 and what is allowed."""
    ended = run_gateway("--port", "0", *arguments)
    assert ended.returncode == 104
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_quietly(number: signal.Signals) -> None:
    """Exit 0 and nothing on stderr, with streams and a silent call in flight."""
    command = [sys.executable, "-m", "tokenswarm.mock", "gateway", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        line = child.stdout.readline().decode()
        assert line.startswith("mock gateway listening on http://127.0.0.1:")
        mock = MockProcess()
        mock.url = line.split()[-1]
        clients = [
            send_stream(mock, model)
            for model in (b"mock;ttft=60000", b"mock;itl=1;tokens=9000", b"mock;hang=1")
        ]
        while mock.counters().received < 3:
            pass
        child.send_signal(number)
        assert child.wait(10) == 0
        assert child.stderr.read() == b""
    for client in clients:
        client.close()


def test_it_ends_when_its_parent_does() -> None:
    """A parent that is killed leaves no mock behind."""
    program = (
        "import os, sys\n"
        "from tokenswarm.mock.process import MockProcess\n"
        "with MockProcess() as mock:\n"
        "    print(mock.pid, flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.kill()
    try:
        import select

        assert select.select([watch], [], [], 10)[0]
    finally:
        os.close(watch)
