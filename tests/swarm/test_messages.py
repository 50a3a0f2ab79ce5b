"""What a worker may say: each message by its type, and a reason for each that is none."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.swarm.messages import DRAINED, MESSAGES, UNFIT, problem_in


def row(name: str) -> dict[str, Any]:
    """What Locust's worker reports of one kind of request: by hand, as Locust changes sockets."""
    return {
        "name": name,
        "method": "POST",
        "last_request_timestamp": 1700000000.5,
        "start_time": 1700000000.0,
        "num_requests": 2,
        "num_none_requests": 0,
        "num_failures": 1,
        "total_response_time": 24.0,
        "max_response_time": 12.0,
        "min_response_time": 12.0,
        "total_content_length": 300,
        "response_times": {12: 2},
        "num_reqs_per_sec": {1700000000: 2},
        "num_fail_per_sec": {1700000000: 1},
    }


def stats() -> dict[str, Any]:
    """A report of one second."""
    error = {"name": "chat short", "method": "POST", "error": "refused", "occurrences": 1}
    return {
        "stats": [row("chat short")],
        "stats_total": row("Aggregated"),
        "errors": {"a hash": {**error, "first_seen": 1700000000.2, "last_seen": 1700000000.2}},
        "user_classes_count": {"ChatUser": 3},
        "user_count": 3,
        "tokenswarm_delta": b"ours",
    }


GOOD = {
    "client_stopped": None,
    "exception": {"msg": "boom", "traceback": "…"},
    "heartbeat": {"state": "running", "current_cpu_usage": 12.5, "current_memory_usage": 1},
    "logs": {"worker_id": "a", "logs": ["a line"]},
    "quit": None,
    "spawning": None,
    "spawning_complete": {"user_classes_count": {"ChatUser": 3}, "user_count": 3},
    "stats": stats(),
    DRAINED: {"calls": 4},
    UNFIT: {"reason": "no key"},
}


def test_every_type_has_an_example_here() -> None:
    """A new type of message is tested, too."""
    assert set(GOOD) == set(MESSAGES)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_what_workers_say_has_no_problem(kind: str) -> None:
    """As Locust and we write it."""
    assert problem_in(kind, GOOD[kind]) == ""


@pytest.mark.parametrize("kind", sorted(kind for kind, data in GOOD.items() if data is None))
def test_a_message_without_content_carries_none(kind: str) -> None:
    """There is nothing that could be read of it."""
    assert problem_in(kind, {"x": 1}) == f"{kind} carries nothing"


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        ("exec", {}, "'exec' is no message of a worker"),
        ("stats", [], "stats: need a map, got list"),
        ("heartbeat", {"state": "missing", "current_cpu_usage": 1.0}, "heartbeat: state"),
        ("heartbeat", {"state": "running", "current_cpu_usage": math.nan}, "heartbeat: current_cpu_usage"),
        ("heartbeat", {"state": "running"}, "heartbeat: current_cpu_usage: Field required"),
        ("spawning_complete", {"user_classes_count": {"a": -1}, "user_count": 1}, "user_classes_count.a"),
        ("spawning_complete", {"user_classes_count": {}, "user_count": "1"}, "user_count"),
        ("logs", {"worker_id": "a", "logs": ["x" * 20_001]}, "logs: logs.0"),
        (DRAINED, {"calls": 1, "more": 2}, "more"),
        (UNFIT, {"reason": "x" * 1_001}, "reason"),
        ("stats", {**GOOD["stats"], "tokenswarm_cpu": "much"}, "tokenswarm_cpu"),  # type: ignore[dict-item]
    ],
)
def test_anything_else_is_named(kind: str, data: Any, says: str) -> None:
    """With the place where it is wrong."""
    assert says in problem_in(kind, data)


def test_one_wrong_number_deep_inside_is_found() -> None:
    """A row of Locust's statistics with a text for a count would end its master."""
    wrong = copy.deepcopy(stats())
    wrong["stats"][0]["response_times"] = {10: "many"}
    assert problem_in("stats", wrong).startswith("stats: stats.0.response_times.10")


@given(kind=st.sampled_from(sorted(GOOD)), data=st.recursive(st.none() | st.text() | st.floats(), st.lists))
def test_no_content_raises(kind: str, data: Any) -> None:
    """Whatever it is."""
    assert isinstance(problem_in(kind, data), str)
