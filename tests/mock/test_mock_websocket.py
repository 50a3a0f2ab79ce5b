"""The mock's WebSockets, as a client sees them that isn't ours: websocket-client's own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import websocket

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockCounters, MockProcess

from ..until import until
from .client import send

ASK = {
    "type": "response.create",
    "response": {"input": [{"content": [{"type": "input_text", "text": "Hi!"}]}]},
}


@contextmanager
def dialled(url: str, path: str, **options: Any) -> Iterator[Any]:
    client = websocket.create_connection(url.replace("http", "ws", 1) + path, timeout=20, **options)
    try:
        yield client
    finally:
        client.close()
        client.shutdown()  # which close() leaves out where the server was first


def realtime(mock: MockProcess, model: str = "mock", **options: Any) -> Any:
    return dialled(mock.url, f"/v1/realtime?model={quote(model, safe='')}", **options)


def refusal(url: str, path: str) -> int:
    """The status of an upgrade that is refused; websocket-client would leave its socket open."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    return send(url, path, None, {**headers, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}).status


def events_until(client: Any, last: str) -> list[dict[str, Any]]:
    events = [json.loads(client.recv())]
    while events[-1]["type"] != last:
        events.append(json.loads(client.recv()))
    return events


def settled(mock: MockProcess, is_so: Any) -> MockCounters:
    """The counters, once they say so: the mock hears of an end a moment after we caused it."""
    last = mock.counters()

    def look() -> bool:
        nonlocal last
        last = mock.counters()
        return bool(is_so(last))

    until(look, said=lambda: last)
    return last


def test_a_realtime_response_has_all_its_events(mock: MockProcess) -> None:
    """In the order in which OpenAI sends them, with usage and the provider's own times at the end."""
    with realtime(mock) as client:
        (greeting,) = events_until(client, "session.created")
        assert greeting["session"]["type"] == "realtime"
        client.send(json.dumps(ASK))
        events = events_until(client, "response.done")
    assert [event["type"] for event in events] == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 5,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    done = events[-1]
    assert done["response"]["status"] == "completed"
    assert done["response"]["usage"]["output_tokens"] == 5
    assert {event.get("response_id", done["response"]["id"]) for event in events} == {done["response"]["id"]}
    assert done["mock"]["ttft_ms"] >= 0
    assert len({event["event_id"] for event in events}) == len(events)


def test_the_beta_has_its_own_names(mock: MockProcess) -> None:
    """For clients that send `OpenAI-Beta: realtime=v1`; the most tokens have another name, too."""
    ask = {"type": "response.create", "response": {"max_response_output_tokens": 2}}
    with realtime(mock, header=["OpenAI-Beta: realtime=v1"]) as client:
        assert "modalities" in events_until(client, "session.created")[0]["session"]
        client.send(json.dumps({"type": "conversation.item.create", "item": {"content": "Hi"}}))
        events_until(client, "conversation.item.created")
        client.send(json.dumps(ask))
        events = events_until(client, "response.done")
    assert [event["type"] for event in events].count("response.text.delta") == 2
    response = events[-1]["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("incomplete", "max_output_tokens")


def test_a_conversation_is_kept_and_sessions_can_be_updated(mock: MockProcess) -> None:
    """What isn't a call is answered at once, and isn't counted as one."""
    before = mock.counters().received
    with realtime(mock) as client:
        events_until(client, "session.created")
        client.send(json.dumps({"type": "session.update", "session": {}}))
        events_until(client, "session.updated")
        item = {"content": [{"type": "input_text", "text": "x" * 400}]}
        client.send(json.dumps({"type": "conversation.item.create", "item": item}))
        events_until(client, "conversation.item.done")
        client.send("{")
        assert events_until(client, "error")[0]["error"]["type"] == "invalid_request_error"
        client.send(json.dumps({"type": "response.create"}))
        usage = events_until(client, "response.done")[-1]["response"]["usage"]
    assert usage["input_tokens"] == 100
    assert mock.counters().received == before + 1


def test_the_plain_chat(mock: MockProcess) -> None:
    """A prompt, tokens, and an end with usage; model and most tokens may be given."""
    with dialled(mock.url, "/ws") as client:
        client.send(json.dumps({"prompt": "x" * 40, "model": "mock;tokens=9", "max_tokens": 3}))
        events = events_until(client, "done")
        client.send(json.dumps({"prompt": "again"}))
        assert len(events_until(client, "done")) == 6
    assert [event["type"] for event in events] == ["token"] * 3 + ["done"]
    assert events[-1]["usage"] == {"input_tokens": 10, "output_tokens": 3}
    assert events[-1]["finish_reason"] == "length"


@pytest.mark.parametrize(
    "message", ["{", "[]", '{"prompt": 5}', '{"prompt": "x", "model": 5}', '{"prompt": "x", "max_tokens": 0}']
)
def test_a_message_that_asks_for_nothing_is_an_error(mock: MockProcess, message: str) -> None:
    """And the connection goes on."""
    with dialled(mock.url, "/ws") as client:
        client.send(message)
        assert events_until(client, "error")[0]["code"] == 400
        client.send('{"prompt": "x"}')
        events_until(client, "done")


def test_messages_wait_for_their_turn(mock: MockProcess) -> None:
    """Two calls sent at once are answered one after the other."""
    with dialled(mock.url, "/ws") as client:
        for prompt in ("one", "two"):
            client.send(json.dumps({"prompt": prompt, "model": "mock;ttft=5;tokens=2"}))
        assert [len(events_until(client, "done")) for _ in range(2)] == [3, 3]


@pytest.mark.parametrize(
    ("orders", "code"),
    [("cut=2;close_code=1011", 1011), ("cut=2", None), ("cut=2;close_code=4000", 4000)],
)
def test_a_cut_ends_with_the_code_that_was_ordered(mock: MockProcess, orders: str, code: int | None) -> None:
    """None: the connection goes without a close frame, which clients call 1006."""
    before = mock.counters()
    with dialled(mock.url, "/ws") as client:
        client.send(json.dumps({"prompt": "x", "model": f"mock;{orders}"}))
        assert [json.loads(client.recv())["type"] for _ in range(2)] == ["token", "token"]
        if code is None:
            with pytest.raises(websocket.WebSocketConnectionClosedException):
                client.recv()
        else:
            opcode, data = client.recv_data()
            assert (opcode, data[:2]) == (websocket.ABNF.OPCODE_CLOSE, code.to_bytes(2, "big"))
    counters = settled(mock, lambda counters: counters.in_flight == 0)
    assert counters.cut_by_mock == before.cut_by_mock + 1


def test_a_connection_is_hung_up_after_an_answer(mock: MockProcess) -> None:
    """Between calls, which is no call's failure."""
    before = mock.counters()
    with dialled(mock.url, "/ws") as client:
        client.send(json.dumps({"prompt": "x", "model": "mock;hang_up=5;close_code=1001"}))
        events_until(client, "done")
        opcode, data = client.recv_data()
        assert (opcode, data[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1001).to_bytes(2, "big"))
    counters = settled(mock, lambda counters: counters.websockets_open == 0)
    assert (counters.answered - before.answered, counters.cut - before.cut) == (1, 0)
    assert counters.websockets_opened == before.websockets_opened + 1


def test_a_client_that_answers_no_ping_is_cut(mock: MockProcess) -> None:
    """websocket-client answers while it receives, and this one doesn't."""
    with realtime(mock, "mock;ping=20") as client:
        client.sock.settimeout(20)
        deadline_s = time.monotonic() + 20
        while client.sock.recv(65536):
            assert time.monotonic() < deadline_s


def test_a_client_that_answers_pings_is_kept(mock: MockProcess) -> None:
    """Across many of them."""
    with realtime(mock, "mock;ping=400;ttft=1700") as client:
        events_until(client, "session.created")
        client.send(json.dumps(ASK))
        assert events_until(client, "response.done")[-1]["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("orders", "opcode", "size"), [("binary=1", 2, None), ("pad=5000000", 1, 5_000_000), ("html=1", 1, None)]
)
def test_spoilt_messages(mock: MockProcess, orders: str, opcode: int, size: int | None) -> None:
    """What a client must stand: binary where text is due, a message of megabytes, a page."""
    with dialled(mock.url, "/ws") as client:
        client.send(json.dumps({"prompt": "x", "model": f"mock;tokens=1;{orders}"}))
        got, data = client.recv_data()
    assert got == opcode
    assert size is None or len(data) > size


def test_errors_are_messages_once_the_socket_is_open(mock: MockProcess) -> None:
    """In the dialect's own form, and counted by their status."""
    before = mock.counters().by_status.get(429, 0)
    with realtime(mock, "mock;status=429") as client:
        client.send(json.dumps(ASK))
        assert events_until(client, "error")[-1]["error"]["code"] == "rate_limit_exceeded"
    assert mock.counters().by_status[429] == before + 1


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/v1/realtime?model=mock%3Bbogus%3D1", 400)]
)
def test_an_upgrade_can_be_refused(mock: MockProcess, path: str, status: int) -> None:
    """By an HTTP answer, before any message."""
    assert refusal(mock.url, path) == status


def test_the_key_is_wanted_at_the_upgrade(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a header or in the path; a call that was refused for it is counted. The truth log has the others."""
    monkeypatch.setenv("MOCK_KEY", "k 1")
    log = tmp_path / "truth.jsonl"
    options = MockOptions(ttft="10", itl="0", tokens="3", api_key_env="MOCK_KEY", truth_log=log)
    with MockProcess(options) as mock:
        assert [refusal(mock.url, path) for path in ("/ws", "/ak/wrong/ws")] == [401, 401]
        for path, header in (("/ws", ["Authorization: Bearer k 1"]), ("/ak/k%201/ws", [])):
            with dialled(mock.url, path, header=header) as client:
                client.send('{"prompt": "x"}')
                events_until(client, "done")
        counters = mock.counters()
    assert (counters.received, counters.by_status) == (4, {200: 2, 401: 2})
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["ending"] for row in rows] == ["answered"] * 4
    assert [len(row["chunks_ms"]) for row in rows] == [0, 0, 3, 3]
    assert all(row["ttft_ms"] >= 10 for row in rows[2:])
    assert rows[2]["id"].startswith("wschat-")


def test_http_is_served_beside(mock: MockProcess) -> None:
    """GET and POST as before, also where a WebSocket would be."""
    connection = HTTPConnection(mock.url.removeprefix("http://"), timeout=20)
    for method, path, status in (("GET", "/healthz", 200), ("GET", "/ws", 404), ("POST", "/ws", 404)):
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()
