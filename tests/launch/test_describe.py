"""`tokenswarm check`: the plan in words, for both models of load."""

from __future__ import annotations

from pathlib import Path

from tokenswarm.launch.describe import describe
from tokenswarm.profile.resolve import Names

OPEN = """
arrivals: gamma
burstiness: 0.5
max_in_flight: 2000
stages:
  - {name: warm-up, requests: 100, warmup: true}
  - {name: climb, duration: 20s, rate: 1000, from: 100}
  - {name: hold, duration: 30s, rate: 1000}
  - {name: few, requests: 30, rate: 12.5}
expect: {status: [200, 429], json: [metadata], latency: 100ms}
streaming: 0%
"""
CLOSED = """
stages:
  - {name: climb, duration: 30s, users: 50, from: 0}
  - {name: jump, duration: 10s, users: 80, transition: step}
  - {name: down, duration: 10s, users: 20}
  - {name: calls, requests: 1000, users: 20, duration: 5m}
"""


def lines_of(folder: Path, text: str) -> dict[str, str]:
    """Each line of the description by its first word."""
    file = folder / "mine.yaml"
    file.write_text(text)
    lines = (line.split(maxsplit=1) for line in describe(Names(str(file))).splitlines())
    return {words[0]: words[1] if len(words) > 1 else "" for words in lines}


def test_open_stages_show_calls_and_rates(tmp_path: Path) -> None:
    """A ramp from where to where, counted calls, and never users."""
    said = lines_of(tmp_path, OPEN)
    assert said["warm-up"].split(maxsplit=1) == ["1s", "100 calls at 100 calls/s, warm-up: not judged"]
    assert said["climb"].split(maxsplit=1) == ["20s", "100 → 1,000 calls/s"]
    assert said["hold"].split(maxsplit=1) == ["30s", "1,000 calls/s"]
    assert said["few"].split(maxsplit=1) == ["2.4s", "30 calls at 12.5 calls/s"]
    assert not any("users" in line for line in said.values())


def test_open_load_names_its_arrivals_and_what_its_cap_carries(tmp_path: Path) -> None:
    """Little's law, before anybody runs into it."""
    said = lines_of(tmp_path, OPEN)
    assert said["arrivals"] == "gamma, burstiness 0.5"
    assert said["in"] == "flight   2,000 at most; enough while answers take up to 2000ms"


def test_closed_stages_show_users(tmp_path: Path) -> None:
    """Ramps from where they start, steps, and a counted stage with the most that it may last."""
    said = lines_of(tmp_path, CLOSED)
    assert said["climb"].split(maxsplit=1) == ["30s", "0 → 50 users"]
    assert said["jump"].split(maxsplit=1) == ["10s", "80 users"]
    assert said["down"].split(maxsplit=1) == ["10s", "80 → 20 users"]
    assert said["calls"] == "≤ 300s   1,000 calls by 20 users"
    assert not {"arrivals", "in", "expects"} & said.keys()


def test_paired_share_is_shown_where_there_is_one(tmp_path: Path) -> None:
    """Who checks a profile sees that its provider will get calls, too."""
    assert (
        lines_of(tmp_path, f"{CLOSED}\npaired: {{share: 30%}}\n")["paired"] == "30% of calls past the gateway"
    )
    assert "paired" not in lines_of(tmp_path, CLOSED)


def test_what_stands_behind_the_embedded_gateway_is_shown(tmp_path: Path) -> None:
    """A paired profile needs a provider to go past the gateway to; others make do with one process."""
    paired = f"{CLOSED}\npaired: {{share: 30%}}\n"
    assert lines_of(tmp_path, paired)["target"].endswith("gateway, with 2 mock providers behind it")
    assert lines_of(tmp_path, CLOSED)["target"] == "the embedded mock gateway"


def test_expected_answers_are_listed(tmp_path: Path) -> None:
    """Under the names that the report gives their shares."""
    assert lines_of(tmp_path, OPEN)["expects"] == "status is 200 or 429; has metadata; latency < 100ms"
