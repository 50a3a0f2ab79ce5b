"""`/admin`: a provider that is changed while it runs, and says when."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from .client import send

Post = Callable[..., Any]
Admin = Callable[..., tuple[int, dict[str, Any]]]


def admin_to(url: str, body: Any = None, *, path: str = "/admin", **headers: str) -> tuple[int, Any]:
    """POST /admin if there is a body, else GET; status and JSON."""
    answer = send(url, path, body, headers)
    return answer.status, answer.json


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProcess]:
    """A provider that answers five tokens at once, with an admin port."""
    log = tmp_path_factory.mktemp("admin") / "truth.jsonl"
    options = MockOptions(ttft="0", itl="0", tokens="5", admin_port=0, truth_log=log)
    with MockProcess(options, role="provider") as process:
        yield process


@pytest.fixture
def admin(provider: MockProcess) -> Iterator[Admin]:
    """Posts to the provider's /admin; what it changed is undone after the test."""
    yield lambda body=None, **more: admin_to(provider.admin_url, body, **more)
    assert admin_to(provider.admin_url, {"reset": True})[0] == 200


def test_the_state_says_what_is_allowed(admin: Admin) -> None:
    """Modes with their meaning, and all keys of orders."""
    status, state = admin()
    assert (status, state["down"], state["mode"], state["orders"]) == (200, False, None, {})
    assert "refuse" in state["allowed"]["modes"]
    assert "ttft" in state["allowed"]["orders"]


def test_defaults_change_while_it_runs_and_come_back(
    provider: MockProcess, admin: Admin, post_to: Post
) -> None:
    """Orders pile up until a reset; a call's own orders still outrank them."""
    assert len(post_to(provider.url, stream=True).contents) == 5
    admin({"orders": {"tokens": 7}})
    status, state = admin({"orders": {"usage": True}})
    assert (status, state["orders"]) == (200, {"tokens": "7", "usage": "1"})
    answer = post_to(provider.url, stream=True)
    assert len(answer.contents) == 7
    assert answer.chunks[-1]["usage"]["completion_tokens"] == 7
    assert len(post_to(provider.url, "mock;tokens=2", stream=True).contents) == 2
    admin({"reset": True})
    assert len(post_to(provider.url, stream=True).contents) == 5


@pytest.mark.parametrize(
    ("body", "status", "retry_after"),
    [
        ({"down": True}, 503, "1"),
        ({"mode": "429", "retry_after": 7}, 429, "7"),
        ({"down": True, "mode": 529}, 529, "1"),
    ],
)
def test_a_provider_that_is_down_answers_every_call_so(
    provider: MockProcess, admin: Admin, post_to: Post, body: dict[str, Any], status: int, retry_after: str
) -> None:
    """The fault outranks what calls order, until it is lifted."""
    assert admin(body)[1]["down"] is True
    answer = post_to(provider.url, "mock;status=500")
    assert (answer.status, answer.headers["retry-after"]) == (status, retry_after)
    assert admin({"down": False})[1]["down"] is False
    assert post_to(provider.url).status == 200


def test_a_cut_a_missing_usage_and_an_error_in_mid_stream_can_be_switched_on(
    provider: MockProcess, admin: Admin, post_to: Post
) -> None:
    """Modes with their settings."""
    admin({"mode": "cut", "cut": 3})
    answer = post_to(provider.url, stream=True)
    assert (answer.is_cut, len(answer.contents)) == (True, 3)
    admin({"mode": "error_at"})
    answer = post_to(provider.url, stream=True)
    assert "error" in answer.chunks[-1]
    assert len(answer.contents) == 1
    admin({"mode": "no_usage"})
    assert "usage" not in post_to(provider.url).json


def test_a_hung_provider_answers_nothing_and_counts_the_call(provider: MockProcess, admin: Admin) -> None:
    """The call is in flight until its client gives up."""
    admin({"mode": "hang"})
    before = provider.counters()
    connection = HTTPConnection(provider.url.removeprefix("http://"), timeout=0.1)
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "hi"}]})
    connection.request("POST", "/v1/chat/completions", body)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    assert provider.counters().in_flight == before.in_flight + 1
    connection.close()
    while provider.counters().in_flight > before.in_flight:
        pass


def test_slow_and_stall_take_their_time(provider: MockProcess, admin: Admin, post_to: Post) -> None:
    """Never sooner than the factor, or the stall, says."""
    admin({"mode": "slow", "slow": 20})
    assert post_to(provider.url, "mock;ttft=4").json["mock"]["total_ms"] >= 80
    admin({"mode": "stall", "stall": 60, "stall_at": 2})
    assert post_to(provider.url).json["mock"]["total_ms"] >= 60


@pytest.mark.parametrize("is_stream", [True, False])
def test_dripping_answers_arrive_in_small_pieces_and_whole(
    provider: MockProcess, admin: Admin, post_to: Post, is_stream: bool
) -> None:
    """The same answer as ever, no faster than the rate."""
    whole = post_to(provider.url, stream=is_stream)
    admin({"mode": "drip", "drip": 5000})
    start_s = monotonic()
    dripped = post_to(provider.url, stream=is_stream)
    # The last step's worth comes with the end.
    assert monotonic() - start_s >= len(dripped.body) / 5000 - 0.021
    assert (dripped.status, dripped.contents) == (200, whole.contents)
    assert provider.counters().in_flight == 0


def test_a_refusing_provider_has_no_listener_and_comes_back_on_its_port(
    provider: MockProcess, admin: Admin, post_to: Post
) -> None:
    """Open connections are cut, new ones refused by the kernel; the admin port stays."""
    host, _, port = provider.url.removeprefix("http://").partition(":")
    idle = HTTPConnection(host, int(port), timeout=10)
    assert post_to(provider.url, connection=idle).status == 200
    hanging = socket.create_connection((host, int(port)), timeout=10)
    admin({"down": True, "mode": "refuse"})
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10)
    assert hanging.recv(1) == b""
    hanging.close()
    assert post_to(provider.url, connection=idle).is_cut
    idle.close()
    admin({"down": False})
    assert post_to(provider.url).status == 200


def test_a_fault_with_a_time_ends_by_itself_and_all_changes_are_in_the_truth_log(
    post_to: Post, tmp_path: Path
) -> None:
    """Also a refusal asked for through the port that it shuts."""
    log = tmp_path / "truth.jsonl"
    with MockProcess(MockOptions(ttft="0", truth_log=log), role="provider") as alone:
        assert admin_to(alone.url, {"mode": "refuse", "for_s": 0.2})[0] == 200
        assert post_to(alone.url).is_cut
        while post_to(alone.url).is_cut:
            pass
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    down, up = [entry for entry in entries if entry.get("event") == "admin"]
    assert (down["state"]["mode"], up["state"]["mode"]) == ("refuse", None)
    assert up["change"] == {"down": False}
    assert up["monotonic_s"] - down["monotonic_s"] >= 0.2
    assert up["at"] - down["at"] == pytest.approx(up["monotonic_s"] - down["monotonic_s"], abs=0.1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "no JSON"),
        ([1], "must be a JSON object"),
        ({"dwn": True}, "unknown dwn; allowed are down, mode, for_s, orders, reset"),
        ({"mode": "broken"}, "got 'broken', allowed are refuse, 503, hang"),
        ({"down": "yes"}, "down: need true or false"),
        ({"down": False, "mode": "503"}, "goes with down: true"),
        ({"mode": "cut", "cut": "soon"}, "order cut: got 'soon', need a whole number"),
        ({"mode": "cut", "stall": 3}, "unknown stall"),
        ({"mode": "503", "for_s": -1}, "more than 0"),
        ({"for_s": 3}, "goes with down: true"),
        ({"orders": {"ttf": 3, "itl": "x"}}, "order itl: got 'x'"),
        ({"orders": {"ttf": 3, "itl": "x"}}, "unknown order 'ttf', allowed are ttft"),
        ({"orders": 3}, "need an object of ttft"),
        ({"reset": 1}, "reset: need true"),
    ],
)
def test_a_wrong_change_is_refused_whole_and_says_what_is_allowed(admin: Admin, body: Any, said: str) -> None:
    """400, and nothing has changed."""
    before = admin()[1]
    status, answer = admin(body)
    assert status == 400
    assert said in answer["error"]
    assert admin()[1] == before


def test_a_path_below_admin_is_refused(admin: Admin) -> None:
    """A provider has no providers."""
    status, answer = admin({"down": True}, path="/admin/providers/x")
    assert (status, "has only /admin" in answer["error"]) == (400, True)


def test_a_refusal_without_an_end_needs_an_admin_port() -> None:
    """Else nobody could open the port again."""
    with MockProcess(MockOptions(), role="provider") as alone:
        status, answer = admin_to(alone.url, {"mode": "refuse"})
        assert (status, "--admin-port" in answer["error"]) == (400, True)


def test_with_a_token_admin_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of everyone, and for reading too; calls don't need it."""
    monkeypatch.setenv("ADMIN_TOKEN_OF_TEST", "s3cret")
    with MockProcess(MockOptions(admin_token_env="ADMIN_TOKEN_OF_TEST"), role="provider") as process:
        for body in (None, {"down": True}):
            assert admin_to(process.url, body)[0] == 403
            assert admin_to(process.url, body, Authorization="Bearer wrong")[0] == 403
            assert admin_to(process.url, body, Authorization="Bearer s3cret")[0] == 200


def test_from_another_machine_admin_is_shut_unless_there_is_a_token() -> None:
    """A client with any address but loopback's; this machine's own will do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; finds the address that would be used
        except OSError:
            pytest.skip("this machine has no network but loopback")
        address = probe.getsockname()[0]
    with MockProcess(MockOptions(host=address), role="provider") as process:
        for body in (None, {"down": True}):
            status, answer = admin_to(process.url, body)
            assert (status, "--admin-token-env" in answer["error"]) == (403, True)
