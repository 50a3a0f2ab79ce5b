"""A target's rows: of facts without a target, and of real ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tokenswarm.doctor.row import Row, State
from tokenswarm.doctor.target import CallFact, TargetFacts, target_rows
from tokenswarm.doctor.target_probe import look_at_target
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

STREAMED = CallFact(is_streaming=True, status=200, ttft_ms=20.0, latency_ms=50.0, output_tokens=12)
WHOLE = CallFact(is_streaming=False, status=200, latency_ms=45.0)
FACTS = TargetFacts("a gateway", "MY_KEY", has_key=True, connect_ms=0.4, calls=(STREAMED, WHOLE))


def by_name(facts: TargetFacts) -> dict[str, Row]:
    return {row.name: row for row in target_rows(facts)}


def test_calls_that_succeed_show_their_times() -> None:
    """First token only of a stream; the key is told to be accepted."""
    rows = by_name(FACTS)
    assert {row.state for row in rows.values()} == {State.OK}
    assert rows["streaming call"].found == "first token after 20.0 ms, whole answer after 50.0 ms, 12 tokens"
    assert rows["whole call"].found == "whole answer after 45.0 ms"
    assert rows["key"].found == "of MY_KEY; accepted"


@pytest.mark.parametrize(
    ("calls", "has_key", "state", "said"),
    [
        ((CallFact(True, 401, problem="http_4xx: no"), WHOLE), True, State.FAULT, "refused"),
        ((CallFact(True, 403, problem="http_4xx: no"),), False, State.FAULT, "MY_KEY is not set; refused"),
        ((STREAMED,), False, State.OK, "none is asked for"),
        (
            (CallFact(True, 500, problem="http_5xx: oops", may_pass=True),),
            True,
            State.WARNING,
            "can't be told",
        ),
    ],
)
def test_whether_a_key_is_accepted_is_read_from_the_calls(
    calls: tuple[CallFact, ...], has_key: bool, state: State, said: str
) -> None:
    """Only an answer tells, and a refusal of one kind is enough."""
    facts = TargetFacts("a gateway", "MY_KEY", has_key=has_key, connect_ms=1.0, calls=calls)
    row = by_name(facts)["key"]
    assert (row.state, said in row.found) == (state, True)


def test_what_may_pass_is_a_warning_and_all_else_a_fault() -> None:
    """A 429 is worth a run; a 404 is not."""
    limited = CallFact(True, 429, problem="rate_limited: slow down", may_pass=True)
    missing = CallFact(False, 404, problem="http_4xx: no such model", mend="check --model")
    rows = by_name(TargetFacts("g", "K", connect_ms=1.0, calls=(limited, missing)))
    assert (rows["streaming call"].state, rows["whole call"].state) == (State.WARNING, State.FAULT)
    assert rows["streaming call"].mend
    assert rows["whole call"].mend == "check --model"


def test_nothing_is_said_of_what_was_not_tried() -> None:
    """A name that means nothing, an address at which nothing is."""
    assert list(by_name(TargetFacts("", misnamed="no target is called x"))) == ["target"]
    assert list(by_name(TargetFacts("g", unreachable="127.0.0.1:9: refused"))) == ["target", "reachable"]


def doctor(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "tokenswarm", "doctor", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.end_to_end
def test_without_a_target_the_mock_is_called_once_of_each_kind() -> None:
    """The whole page, and exit code 0; warnings are this machine's own affair."""
    done = doctor()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "streaming call     first token after" in done.stdout
    assert "whole call         whole answer after" in done.stdout
    for name in ("Redis", "Prometheus", "containers", "chromium", "port 5557", "kernel timestamps"):
        assert f" {name} " in done.stdout
    assert "no faults" in done.stdout


@pytest.mark.end_to_end
def test_a_refused_key_is_a_fault_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 104, and the variable's name."""
    monkeypatch.setenv("MOCK_KEY", "right-key-0123456789")
    with MockProcess(MockOptions(api_key_env="MOCK_KEY")) as mock:
        done = doctor("--target", mock.url, "--model", "m", TOKENSWARM_API_KEY="wrong-key-987")
    assert done.returncode == 104, done.stdout + done.stderr
    assert "fault    key" in done.stdout
    assert "set TOKENSWARM_API_KEY" in done.stdout
    assert "wrong-key-987" not in done.stdout + done.stderr


def test_an_address_where_nothing_is_and_a_name_that_means_nothing() -> None:
    """Each is found before any call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    there = look_at_target(f"http://127.0.0.1:{port}", "m")
    assert there.unreachable == f"127.0.0.1:{port}: Connection refused"
    assert not there.calls
    assert "no target is called nobody" in look_at_target("nobody", "m").misnamed
