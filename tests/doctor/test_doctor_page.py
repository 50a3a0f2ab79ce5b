"""The page as text, and what stands beside tokenswarm."""

from __future__ import annotations

import shutil

import pytest

from tokenswarm.doctor.page import has_fault, page_of
from tokenswarm.doctor.row import Chapter, State, fault, ok, warning
from tokenswarm.doctor.surroundings import Containers, Service, SurroundingFacts, surrounding_rows
from tokenswarm.doctor.surroundings_probe import look_around
from tokenswarm.mock.redis_server import RedisServer

NOTHING = SurroundingFacts(
    Service("redis://here", "", ""), Service("http://here", "", ""), Containers("", "", ""), ""
)


def test_the_page_aligns_its_columns_and_counts() -> None:
    """A mend stands under what it mends; what has several lines keeps them."""
    rows = [ok("cores", "2"), warning("a longer name", "bad\n  worse", "do this")]
    page = page_of([Chapter("This machine", rows), Chapter("Empty", [])])
    assert page.splitlines() == [
        "This machine",
        "  ok       cores          2",
        "  warning  a longer name  bad",
        "                          worse",
        "                          → do this",
        "",
        "no faults, 1 warning in 2 checks",
    ]


def test_only_a_fault_is_one() -> None:
    """It decides the exit code."""
    assert not has_fault([Chapter("x", [ok("a", ""), warning("b", "", "mend")])])
    assert has_fault([Chapter("x", []), Chapter("y", [fault("a", "", "mend")])])


def test_what_is_missing_beside_it_is_a_warning_with_its_purpose() -> None:
    """Runs need none of it."""
    rows = surrounding_rows(NOTHING)
    assert [row.state for row in rows] == [State.WARNING] * 4
    assert all("only" in row.mend for row in rows)


@pytest.mark.parametrize(
    ("tools", "state", "said"),
    [
        (Containers("docker", "", "2.29"), State.WARNING, "daemon"),
        (Containers("podman", "5.2", ""), State.WARNING, "without compose"),
        (Containers("docker", "27.1", "2.29"), State.OK, "docker 27.1, compose 2.29"),
    ],
)
def test_container_tools_must_answer(tools: Containers, state: State, said: str) -> None:
    """A program without its daemon starts nothing."""
    rows = surrounding_rows(SurroundingFacts(NOTHING.redis, NOTHING.prometheus, tools, ""))
    assert (rows[2].state, said in rows[2].found) == (state, True)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_real_redis_is_found_and_a_missing_prometheus_is_not() -> None:
    """By asking them."""
    with RedisServer() as redis:
        url = redis.url
        facts = look_around(redis_url=url, prometheus_url=url.replace("redis", "http"))
    assert facts.redis.answers.startswith("Redis ")
    assert facts.prometheus.answers == ""
    assert look_around(redis_url=url).redis.answers == ""
