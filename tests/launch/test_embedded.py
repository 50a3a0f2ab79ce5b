"""What a run without a target goes to, and what that says afterwards."""

from __future__ import annotations

import json
from http.client import HTTPConnection

import pytest

from tokenswarm.launch.embedded import embedded, needs_gateway
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
