"""Failover, circuit breaker and recovery, with providers that really fail."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

Stage = Any
Tools = Any


def test_a_primary_killed_under_load_costs_no_call_and_comes_back(stage: Stage, tools: Tools) -> None:
    """SIGKILL in mid-load: all calls are answered, then by the secondary; restarted, by the primary again."""
    primary, secondary = stage.provider(ttft="5"), stage.provider(ttft="5")
    gateway = stage.gateway(
        primary.url, secondary.url, breaker_failures=3, breaker_cooldown=0.3, upstream_timeout=10.0
    )
    is_over = Event()

    def load(_number: int) -> list[Any]:
        answers = []
        while not is_over.is_set():
            answers.append(tools.ask(gateway.url))
        return answers

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(load, number) for number in range(4)]
        try:
            tools.until(lambda: gateway.counters().by_provider.get("primary", 0) > 30)
            primary.kill()
            tools.until(lambda: gateway.counters().circuit["primary"] == 2)
            tools.until(lambda: gateway.counters().by_provider.get("secondary", 0) > 30)
            port = int(primary.url.rpartition(":")[2])
            back = stage.provider(port=port)
            tools.until(lambda: gateway.counters().circuit["primary"] == 0)
            tools.until(lambda: back.counters().received > 30)
        finally:
            is_over.set()
        answers = [answer for client in clients for answer in client.result()]
    counters = tools.settled(gateway)
    assert {answer.status for answer in answers} == {200}
    assert Counter(answer.provider for answer in answers) == counters.by_provider
    assert counters.attempts["secondary", "200"] == secondary.counters().received
    failed = counters.attempts_at("primary") - counters.attempts["primary", "200"]
    assert failed == counters.failovers["primary"] >= 3
    stage.stop()
    states = [(each["from"], each["to"]) for each in stage.changes("gateway", 3)]
    assert states[0] == ("closed", "open")
    assert states[-1] == ("half_open", "closed")
    times = [each["monotonic_s"] for each in stage.changes("gateway", 3)]
    assert times[1] - times[0] >= 0.3  # the cool-down


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"mode": "refuse"}, "refused"),
        ({"mode": "503"}, "503"),
        ({"mode": "429"}, "429"),
        ({"mode": "529"}, "529"),
        ({"mode": "hang"}, "timeout"),
        ({"mode": "cut"}, "lost"),
        ({"mode": "stall", "stall": 60_000}, "timeout"),
    ],
)
def test_each_fault_of_the_primary_is_made_good_by_the_secondary(
    stage: Stage, tools: Tools, fault: dict[str, Any], reason: str
) -> None:
    """For a call that isn't streamed, until its answer is whole; and back when it is lifted."""
    primary = stage.provider()
    gateway = stage.gateway(
        primary.url, stage.calm, breaker_failures=1, breaker_cooldown=0.1, upstream_timeout=1.5
    )
    assert tools.ask(gateway.url).provider == "primary"
    tools.admin(primary.admin_url, fault)
    answer = tools.ask(gateway.url)
    assert (answer.status, answer.provider, answer.headers["x-llm-edge-attempts"]) == (200, "secondary", "2")
    assert gateway.counters().attempts["primary", reason] == 1
    tools.admin(primary.admin_url, {"down": False})
    tools.until(lambda: tools.ask(gateway.url).provider == "primary")
    stage.stop()
    call = stage.truth("gateway", 2)[1]
    assert [each["upstream"] for each in call["attempts"]] == ["primary", "secondary"]
    assert call["attempts"][0]["error"] == (None if reason.isdigit() else reason)
    # What the failed attempt took is neither the gateway's overhead nor the other's time.
    parts_ms = call["upstream_ms"] + call["failed_ms"] + call["overhead_ms"]
    assert parts_ms == pytest.approx(call["total_ms"], abs=0.01)


def test_an_open_circuit_spares_the_upstream(stage: Stage, tools: Tools) -> None:
    """After so many failures it is not called any more, until one probe after the cool-down."""
    primary = stage.provider(status=500)
    gateway = stage.gateway(primary.url, stage.calm, breaker_failures=3, breaker_cooldown=600.0)
    for _ in range(10):
        assert tools.ask(gateway.url).status == 200
    assert primary.counters().received == 3
    assert tools.admin(gateway.url)["providers"]["primary"]["circuit"] == "open"


def test_without_anyone_left_the_client_learns_why(stage: Stage, tools: Tools) -> None:
    """The last upstream's own error if it gave one, else 502 or 504; 503 once all circuits are open."""
    provider = stage.provider()
    gateway = stage.gateway(provider.url, breaker_failures=4, breaker_cooldown=600.0, upstream_timeout=1.0)
    tools.admin(provider.admin_url, {"mode": "429", "retry_after": 9})
    answer = tools.ask(gateway.url)
    assert (answer.status, answer.headers["retry-after"]) == (429, "9")
    assert answer.json["error"]["code"] == "rate_limit_exceeded"
    tools.admin(provider.admin_url, {"mode": "hang"})
    answer = tools.ask(gateway.url)
    assert (answer.status, "primary: timeout" in answer.json["error"]["message"]) == (504, True)
    tools.admin(provider.admin_url, {"mode": "refuse"})
    answer = tools.ask(gateway.url, path="/v1/messages")
    assert (answer.status, answer.json["type"]) == (502, "error")
    tools.ask(gateway.url)
    answer = tools.ask(gateway.url)
    assert (answer.status, "all circuits are open" in answer.json["error"]["message"]) == (503, True)
    assert 500 < int(answer.headers["retry-after"]) <= 600


def test_a_stream_that_breaks_after_its_head_is_broken_for_the_client(stage: Stage, tools: Tools) -> None:
    """No other provider could go on with it: it is cut, counted, and held against the upstream."""
    primary = stage.provider()
    gateway = stage.gateway(primary.url, stage.calm, breaker_failures=2, breaker_cooldown=600.0)
    tools.admin(primary.admin_url, {"mode": "cut"})
    answers = [tools.ask(gateway.url, stream=True) for _ in range(3)]
    assert [answer.is_cut for answer in answers] == [True, True, False]
    assert answers[0].body.count(b'"content":"a ') == 1
    assert answers[2].provider == "secondary"
    counters = tools.settled(gateway)
    assert (counters.cut_by_gateway, counters.answered) == (2, 1)


def test_marking_a_provider_down_fails_over_and_back(stage: Stage, tools: Tools) -> None:
    """POST /admin/providers/NAME: no call reaches it until it is marked up again."""
    primary = stage.provider()
    gateway = stage.gateway(primary.url, stage.calm, breaker_failures=1, breaker_cooldown=0.1, admin_port=0)
    state = tools.admin(gateway.admin_url, {"down": True}, "/admin/providers/primary")
    assert state["providers"]["primary"]["down"] is True
    assert [tools.ask(gateway.url).provider for _ in range(3)] == ["secondary"] * 3
    assert primary.counters().received == 0
    tools.admin(gateway.admin_url, {"reset": True})
    tools.until(lambda: tools.ask(gateway.url).provider == "primary")
    assert gateway.counters().attempts["primary", "marked_down"] >= 1


def test_a_client_error_is_nobodys_fault(stage: Stage, tools: Tools) -> None:
    """400 passes through: another upstream would say the same."""
    primary, secondary = stage.provider(status=400), stage.provider()
    gateway = stage.gateway(primary.url, secondary.url, breaker_failures=1)
    assert [tools.ask(gateway.url).status for _ in range(3)] == [400] * 3
    assert secondary.counters().received == 0


def test_idle_connections_that_an_upstream_closed_are_no_failure(stage: Stage, tools: Tools) -> None:
    """A provider that was restarted between two calls: the next is sent on a new connection."""
    primary = stage.provider()
    gateway = stage.gateway(primary.url, breaker_failures=1)
    assert tools.ask(gateway.url).status == 200
    primary.kill()
    stage.provider(port=int(primary.url.rpartition(":")[2]))
    assert tools.ask(gateway.url).status == 200
    assert gateway.counters().attempts == {("primary", "200"): 2}
