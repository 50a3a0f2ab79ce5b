"""Requests, good and bad: bodies, framing, keep-alive, routes and keys."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from .client import send

Post = Callable[..., Any]
BODY = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "hi"}]}).encode()
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


def connect(mock: MockProcess) -> socket.socket:
    host, port = mock.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_until(client: socket.socket, ending: bytes, count: int = 1) -> bytes:
    """Read until `ending` came `count` times, or to the end of the connection."""
    data = b""
    while data.count(ending) < count:
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def raw_post(mock: MockProcess, body: bytes, path: str = "/v1/chat/completions") -> tuple[int, Any]:
    answer = send(mock.url, path, body)
    return answer.status, answer.json


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "could not parse the JSON body"),
        (b"\xff", "could not parse the JSON body"),
        (b"[]", "must be a JSON object"),
        (b'{"messages": [{}]}', "model parameter"),
        (b'{"model": "mock"}', "'messages' must be a list"),
        (b'{"model": "mock", "messages": []}', "'messages' must be a list"),
        (b'{"model": "mock", "messages": [1], "stream": "yes"}', "'stream' must be"),
        (b'{"model": "mock", "messages": [1], "max_tokens": 0}', "'max_tokens' must be"),
    ],
)
def test_a_bad_body_is_a_400_that_says_why(mock: MockProcess, body: bytes, said: str) -> None:
    """In OpenAI's form, whatever the bytes."""
    status, answer = raw_post(mock, body)
    assert status == 400
    assert said in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


def test_odd_messages_are_counted_as_empty(mock: MockProcess) -> None:
    """What isn't text has no tokens, and is no reason to fail."""
    body = {"model": "mock", "messages": [1, {"content": None}, {"content": [{"text": 5}, "x"]}]}
    status, answer = raw_post(mock, json.dumps(body).encode())
    assert status == 200
    assert answer["usage"]["prompt_tokens"] == 1


def test_ten_mebibytes_is_the_limit(mock: MockProcess) -> None:
    """A larger body is a 413 that reaches the client whole."""
    status, answer = raw_post(mock, b"x" * (10 * 1024 * 1024 + 1))
    assert status == 413
    assert answer["error"]["code"] == "request_too_large"
    assert raw_post(mock, b"x" * 10 * 1024 * 1024)[0] == 400


def test_an_unknown_path_is_a_404(mock: MockProcess) -> None:
    """Both for what is hot and for what isn't."""
    assert raw_post(mock, BODY, "/v1/nothing")[0] == 404
    client = HTTPConnection(mock.url.removeprefix("http://"), timeout=20)
    client.request("GET", "/nope")
    response = client.getresponse()
    assert response.status == 404
    assert json.loads(response.read())["error"]["code"] == "unknown_url"
    client.close()


def test_a_query_string_is_no_part_of_the_path(mock: MockProcess) -> None:
    """Azure-like clients append an api-version."""
    assert raw_post(mock, BODY, "/v1/chat/completions?api-version=1")[0] == 200


def test_a_request_may_come_byte_by_byte(mock: MockProcess) -> None:
    """Any split of the bytes gives the same request."""
    with connect(mock) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(len(REQUEST)):
            client.sendall(REQUEST[index : index + 1])
        assert read_until(client, b"fp_mock").startswith(b"HTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_order(mock: MockProcess) -> None:
    """One after the other, the slow first one included."""
    slow = BODY.replace(b'"mock"', b'"mock;ttft=20;tokens=1"')
    first = REQUEST.replace(b"Length: %d" % len(BODY), b"Length: %d" % len(slow)).replace(BODY, slow)
    with connect(mock) as client:
        client.sendall(first + REQUEST + REQUEST)
        answers = read_until(client, b"fp_mock", 3)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.index(b"mock;ttft=20") < answers.index(b'"model":"mock"')


def test_a_request_that_arrives_in_mid_answer_is_kept(mock: MockProcess) -> None:
    """Its head comes while the first is answered, its body after."""
    slow = BODY.replace(b'"mock"', b'"mock;ttft=20;tokens=1"')
    first = REQUEST.replace(b"Length: %d" % len(BODY), b"Length: %d" % len(slow)).replace(BODY, slow)
    with connect(mock) as client:
        client.sendall(first + REQUEST[:-10])
        read_until(client, b"fp_mock")
        client.sendall(REQUEST[-10:])
        assert b"HTTP/1.1 200 OK" in read_until(client, b"fp_mock")


def test_a_slow_reader_gets_every_byte(mock: MockProcess) -> None:
    """A stream of megabytes into a receive buffer of kilobytes: what the kernel won't take waits its turn."""
    body = BODY.replace(b'"mock"', b'"mock;tokens=16384", "stream": true')
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    host, port = mock.url.removeprefix("http://").split(":")
    with client:
        client.connect((host, int(port)))
        client.sendall(
            REQUEST.replace(BODY, body).replace(b"Length: %d" % len(BODY), b"Length: %d" % len(body))
        )
        answer = read_until(client, b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert answer.count(b"data: {") == 16384 + 2
    assert mock.counters().in_flight == 0


def test_connection_close_is_obeyed(mock: MockProcess) -> None:
    """The answer says so and the connection ends."""
    with connect(mock) as client:
        client.sendall(REQUEST.replace(b"Host: mock", b"Host: mock\r\nConnection: close"))
        answer = read_until(client, b"never")
    assert b"connection: close\r\n" in answer


@pytest.mark.parametrize("wish", [b"", b"Connection: keep-alive\r\n"])
def test_http_1_0_gets_no_chunks(mock: MockProcess, wish: bytes) -> None:
    """A stream to an old client ends with the connection, whatever the client would like."""
    body = BODY.replace(b'"mock"', b'"mock", "stream": true')
    request = REQUEST.replace(BODY, body).replace(b"Length: %d" % len(BODY), b"Length: %d" % len(body))
    with connect(mock) as client:
        client.sendall(request.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n" + wish))
        answer = read_until(client, b"never")
    assert b"transfer-encoding" not in answer
    assert answer.endswith(b"\n\ndata: [DONE]\n\n")


def test_a_client_that_expects_100_is_told_to_continue(mock: MockProcess) -> None:
    """Before its body has come."""
    head, _, body = REQUEST.partition(b"\r\n\r\n")
    with connect(mock) as client:
        client.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert read_until(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert b"HTTP/1.1 200 OK" in read_until(client, b"fp_mock")


def test_what_is_not_http_is_refused(mock: MockProcess) -> None:
    """With a 400, and the connection ends; the server goes on."""
    for garbage in (b"POST nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
        with connect(mock) as client:
            client.sendall(garbage)
            answer = read_until(client, b"never")
        assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert raw_post(mock, BODY)[0] == 200


def test_one_connection_serves_many_calls(post: Post, mock: MockProcess) -> None:
    """Keep-alive over whole and streamed answers."""
    client = HTTPConnection(mock.url.removeprefix("http://"), timeout=20)
    answers = [post(stream=index % 2 == 1, connection=client) for index in range(6)]
    client.close()
    assert [answer.status for answer in answers] == [200] * 6


def test_side_routes_answer_and_close(mock: MockProcess) -> None:
    """Also on a connection that has served a call before."""
    client = HTTPConnection(mock.url.removeprefix("http://"), timeout=20)
    client.request("POST", "/v1/chat/completions", BODY)
    client.getresponse().read()
    client.request("GET", "/healthz")
    response = client.getresponse()
    assert (response.status, json.loads(response.read())) == (200, {"status": "ok"})
    assert response.getheader("connection") == "close"
    client.close()


def test_models_are_listed(mock: MockProcess) -> None:
    """As GET /v1/models of OpenAI."""
    client = HTTPConnection(mock.url.removeprefix("http://"), timeout=20)
    client.request("GET", "/v1/models")
    listed = json.loads(client.getresponse().read())
    client.close()
    assert [model["id"] for model in listed["data"]] == ["mock"]


def test_the_key_may_stand_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """/ak/KEY/… is the route behind it, and an escaped key is the same key."""
    monkeypatch.setenv("MOCK_TEST_KEY", "sk/secret")
    with MockProcess(MockOptions(ttft="0", itl="0", api_key_env="MOCK_TEST_KEY")) as mock:
        tails = ["sk%2Fsecret/v1/chat/completions", "sk-wrong/v1/chat/completions", "sk%2Fsecret/v1/nothing"]
        answers = [raw_post(mock, BODY, f"/ak/{tail}") for tail in tails]
        assert [status for status, _ in answers] == [200, 401, 404]


def test_the_key_is_wanted_where_it_is_set(post_to: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """By bearer or x-api-key; health and metrics are open, and no answer shows the key."""
    monkeypatch.setenv("MOCK_TEST_KEY", "sk-secret")
    with MockProcess(MockOptions(ttft="0", itl="0", api_key_env="MOCK_TEST_KEY")) as mock:
        good = [
            {"authorization": "Bearer sk-secret"},
            {"x-api-key": "sk-secret"},
            {"authorization": "Bearer sk-other", "x-api-key": "sk-secret"},
        ]
        bad = [{}, {"authorization": "Bearer sk-wrong"}, {"authorization": "sk-secretx"}, {"x-api-key": ""}]
        assert [post_to(mock.url, headers=headers).status for headers in good] == [200] * 3
        refused = [post_to(mock.url, headers=headers) for headers in bad]
        assert [answer.status for answer in refused] == [401] * 4
        assert refused[1].json["error"]["code"] == "invalid_api_key"
        assert not any(b"sk-secret" in answer.body for answer in refused)
        client = HTTPConnection(mock.url.removeprefix("http://"), timeout=20)
        client.request("GET", "/v1/models")
        assert client.getresponse().status == 401
        client.close()
        assert mock.counters().by_status == {200: 3, 401: 4}
