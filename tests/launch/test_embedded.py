"""What a run without a target goes to, and what that says afterwards."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.embedded import TRUTH_LOGS, embedded, needs_gateway
from tokenswarm.launch.witness import Witness
from tokenswarm.profile.schema import Profile

STAGES = {"name": "p", "stages": [{"name": "hold", "duration": "1s", "users": 1}]}


def profile(**more: object) -> Profile:
    return Profile.model_validate({**STAGES, **more})


def call(url: str) -> int:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    body = {"model": "mock;ttft=5;itl=0", "messages": [{"role": "user", "content": "hi"}]}
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("more", "needs"),
    [
        ({}, False),
        ({"paired": {"share": "30%"}}, True),
        ({"actions": [{"at": "0s", "name": "x", "to": "primary", "post": "/admin"}]}, True),
        ({"actions": [{"at": "0s", "name": "x", "post": "/admin"}]}, False),
        ({"paired": {"share": "30%"}, "scenario": "websocket_chat"}, False),  # they are not proxied
    ],
)
def test_only_profiles_about_gateways_get_a_whole_stack(more: dict[str, object], needs: bool) -> None:
    """The others need fewer processes, and so less of the machine that makes the load."""
    assert needs_gateway(profile(**more)) is needs


def test_one_mock_is_gateway_and_provider_for_most_profiles() -> None:
    """What came since the witness was called is what it says: preflight isn't in it."""
    with embedded(profile(), None) as own:
        call(own.target.url)
        witness = Witness(own.front, own.behind)
        assert call(own.target.url) == 200
        said = witness.statement()
    assert (said["received"], said["answered"], said["cut"]) == (1, 1, 0)
    assert own.stack is None
    assert own.target.provider is None


def test_a_gateway_counts_what_came_through_it_and_outlives_its_providers() -> None:
    """Calls past it are not its own; a provider that was killed on purpose takes no statement with it."""
    with embedded(profile(paired={"share": "50%"}), "mine") as own:
        assert own.stack is not None
        assert own.target.provider is not None
        assert own.target.model == "mine"
        witness = Witness(own.front, own.behind)
        assert call(own.target.provider.url) == 200
        assert call(own.target.url) == 200
        own.stack.providers[0].kill()
        assert call(own.target.url) == 200  # by the secondary
        said = witness.statement()
    assert (said["received"], said["answered"], said["cut"]) == (2, 2, 0)
    assert own.stack.gateway.pid == own.front.pid
    assert said["lag_p99_s"] > 0


def post(url: str, path: str, body: object) -> int:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request("POST", path, json.dumps(body))
        return connection.getresponse().status
    finally:
        connection.close()


def acting(to: str) -> Profile:
    return profile(actions=[{"at": "0s", "name": "fault", "to": to, "post": "/admin"}])


def test_actions_reach_every_process_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name; who runs where is told, and each writes what was really so into a log of its own."""
    monkeypatch.setenv(TRUTH_LOGS, str(tmp_path / "logs"))
    with embedded(acting("primary"), None) as own:
        assert list(own.target.admin_urls) == ["gateway", "primary", "secondary"]
        assert [each["name"] for each in own.processes] == ["gateway", "primary", "secondary"]
        assert len({each["pid"] for each in own.processes}) == 3
        url = acting("primary").actions[0].url_on(own.target)
        assert url == f"{own.target.admin_urls['primary']}/admin"
        assert post(own.target.admin_urls["primary"], "/admin", {"mode": "503"}) == 200
        assert post(own.target.admin_urls["gateway"], "/admin", {"overhead": "1"}) == 200
        assert call(own.target.url) == 200
    answered = {
        name: [row for row in rows if "status" in row]
        for name in ("gateway", "primary", "secondary")
        for rows in [[json.loads(x) for x in (tmp_path / "logs" / f"{name}.jsonl").read_text().splitlines()]]
    }
    assert [row["status"] for row in answered["primary"]] == [503]
    assert [row["status"] for row in answered["secondary"]] == [200]
    assert [row["upstream"] for row in answered["gateway"]] == ["secondary"]


def test_an_action_on_nobody_is_refused_with_the_names_that_there_are() -> None:
    """Before any load."""
    with (
        pytest.raises(ConfigurationError, match="admin_urls name gateway, primary, secondary"),
        embedded(acting("tertiary"), None),
    ):
        pytest.fail("it started")


def test_a_place_for_logs_that_can_t_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any load."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(TRUTH_LOGS, str(tmp_path / "file" / "logs"))
    with (
        pytest.raises(ConfigurationError, match=r"TOKENSWARM_TRUTH_LOGS=.*name a folder"),
        embedded(acting("primary"), None),
    ):
        pytest.fail("it started")
