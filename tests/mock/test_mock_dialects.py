"""What the mock answers in each dialect: asked by our encoders, read by our decoders, seen as JSON."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.transport.answer import Answer
from tokenswarm.wire.dialect import DIALECTS, ChatOptions

STREAMING = [name for name, dialect in DIALECTS.items() if dialect.streams]
ID_PREFIXES = {
    "openai-chat": "chatcmpl-",
    "openai-completions": "cmpl-",
    "openai-responses": "resp_",
    "openai-embeddings": "embd-",
    "anthropic-messages": "msg_",
}


@dataclass
class Seen:
    """One call, as the client saw it."""

    status: int
    headers: dict[str, str]
    body: bytes
    record: CallRecord

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Name and data of each named event."""
        blocks = [block.splitlines() for block in self.body.decode().split("\n\n") if block]
        return [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in blocks]


def ask(
    url: str, dialect: str, model: str = "mock", *, stream: bool = False, max_tokens: int | None = 100
) -> Seen:
    """One call in this dialect."""
    spoken = DIALECTS[dialect]
    options = ChatOptions(model, stream=stream, max_tokens=max_tokens)
    request = spoken.encode("Say hello", options)
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("POST", request.path, request.body, dict(request.headers))
    response = connection.getresponse()
    try:
        body = response.read()
    except IncompleteRead as error:
        body = error.partial
    connection.close()
    record = CallRecord(0.0)
    record.stream = stream
    if response.status == 200:
        answer = Answer(record)
        decoder = spoken.decoder(response.headers["content-type"])
        for event in (*decoder.feed(body), *decoder.close()):
            answer.take([event], 0.0)
            if answer.is_over:
                break
        answer.judge()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Seen(response.status, headers, body, record)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A mock that answers five tokens without delay."""
    with MockProcess(MockOptions(ttft="0", itl="0", tokens="5")) as mock:
        yield mock.url


WAYS = [(name, stream) for name in DIALECTS for stream in (False, True) if name in STREAMING or not stream]


@pytest.mark.parametrize(("name", "stream"), WAYS)
@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        ("mock", "success"),
        ("mock;reasoning=3;stamp=1", "success"),
        ("mock;tool=1", "success"),
        ("mock;tokens=1;tool=1", "success"),
        ("mock;role_chunk=0;comment=1;crlf=1;burst=2", "success"),
        ("mock;role_chunk=0;reasoning=2;chunk_tokens=2", "success"),
        ("mock;usage=0", "success"),
        ("mock;no_finish=1", "truncated"),
        ("mock;garble=1", "malformed"),
        ("mock;html=1", "malformed"),
    ],
)
def test_orders_have_their_outcome_in_every_dialect(
    url: str, name: str, stream: bool, model: str, outcome: str
) -> None:
    """An answer of each kind is read as what was ordered."""
    if name == "openai-embeddings" and outcome == "truncated":
        outcome = "success"  # a vector has no finish reason to lack
    record = ask(url, name, model, stream=stream).record
    assert record.outcome == outcome, record.detail


@pytest.mark.parametrize("name", STREAMING)
@pytest.mark.parametrize(
    ("model", "outcome"), [("error_at=2", "stream_error"), ("error_at=2;error_done=1", "stream_error")]
)
def test_error_in_mid_stream_is_an_error_in_the_dialects_own_words(
    url: str, name: str, model: str, outcome: str
) -> None:
    """After two chunks of content; a terminal event behind it changes nothing."""
    record = ask(url, name, f"mock;{model}", stream=True).record
    assert (record.outcome, record.chunks) == (outcome, 2)
    assert "The upstream failed in mid-stream." in record.detail


@pytest.mark.parametrize(("name", "stream"), WAYS)
def test_cut_answer_is_truncated(url: str, name: str, stream: bool) -> None:
    """The connection ends in the middle: half of a body is broken JSON to who doesn't look at its length."""
    record = ask(url, name, "mock;cut=2", stream=stream).record
    assert record.outcome == ("truncated" if stream else "malformed")


@pytest.mark.parametrize(("name", "stream"), [way for way in WAYS if way[0] in STREAMING])
def test_tokens_are_counted_as_they_were_made(url: str, name: str, stream: bool) -> None:
    """Prompt, output and, where the dialect tells them apart, reasoning; each chunk is one event."""
    seen = ask(url, name, "mock;tokens=7;reasoning=3", stream=stream)
    has_reasoning = name != "openai-completions"
    assert seen.record.input_tokens == 3
    assert seen.record.output_tokens == (10 if has_reasoning else 7)
    if name in ("openai-chat", "openai-responses"):
        assert seen.record.reasoning_tokens == 3
    if stream:
        assert seen.record.chunks == (10 if has_reasoning else 7)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("openai-chat", "length"),
        ("openai-completions", "length"),
        ("openai-responses", "length"),
        ("anthropic-messages", "max_tokens"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_capped_answer_says_so(url: str, name: str, reason: str, stream: bool) -> None:
    """By the dialect's own parameter."""
    record = ask(url, name, stream=stream, max_tokens=2).record
    assert (record.outcome, record.finish_reason, record.output_tokens) == ("success", reason, 2)


@pytest.mark.parametrize(("name", "stream"), WAYS)
def test_truth_log_knows_every_dialect(name: str, stream: bool, tmp_path: Path) -> None:
    """Ids with the dialect's prefix, content chunks, and the tokens that the answer counted."""
    own = tmp_path / "truth.jsonl"
    with MockProcess(MockOptions(ttft="1", itl="1", tokens="4", truth_log=own)) as mock:
        seen = ask(mock.url, name, stream=stream)
    (entry,) = map(json.loads, own.read_text().splitlines())
    assert entry["id"].startswith(ID_PREFIXES[name])
    assert seen.record.response_id in ("", entry["id"])
    assert (entry["status"], entry["ending"], entry["stream"]) == (200, "answered", stream)
    assert len(entry["chunks_ms"]) == (4 if stream else 0)
    assert entry["output_tokens"] == (0 if name == "openai-embeddings" else 4)


@pytest.mark.parametrize("name", STREAMING)
def test_stamp_survives_as_the_texts_last_words(url: str, name: str) -> None:
    """And rides on the JSON, too."""
    for stream in (False, True):
        seen = ask(url, name, "mock;stamp=1", stream=stream)
        assert b" total_ms=" in seen.body
        assert b'"mock":{' in seen.body


def test_anthropics_events_come_in_its_order(url: str) -> None:
    """Blocks of thinking and text, each begun and ended, between start and stop."""
    events = ask(url, "anthropic-messages", "mock;tokens=2;reasoning=2", stream=True).events
    assert [name for name, _ in events] == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "content_block_start",
        *["content_block_delta"] * 2,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert all(name == data["type"] for name, data in events)
    deltas = [data["delta"]["type"] for name, data in events if name == "content_block_delta"]
    assert deltas == ["thinking_delta", "thinking_delta", "signature_delta", "text_delta", "text_delta"]
    assert [data["index"] for _, data in events if "index" in data] == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_responses_events_come_in_its_order(url: str) -> None:
    """Numbered without a gap; items and parts begun and ended, and said once more in the last event."""
    events = ask(url, "openai-responses", "mock;tokens=2;reasoning=2", stream=True).events
    assert [name.removeprefix("response.") for name, _ in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        *["reasoning_summary_text.delta"] * 2,
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 2,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    output = events[-1][1]["response"]["output"]
    assert [data["item"] for name, data in events if name == "response.output_item.done"] == output
    said = "".join(data["delta"] for name, data in events if name == "response.output_text.delta")
    assert output[1]["content"][0]["text"] == said


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("anthropic-messages", ("content", 0, "input")),
        ("openai-responses", ("output", 0, "arguments")),
        ("openai-chat", ("choices", 0, "message", "tool_calls", 0, "function", "arguments")),
    ],
)
def test_tool_call_has_the_same_arguments_in_every_dialect(
    url: str, name: str, parts: tuple[str | int, ...]
) -> None:
    """A JSON object with the answer's words, whole or in pieces."""
    value = ask(url, name, "mock;tool=1").json
    for part in parts:
        value = value[part]
    arguments = value if isinstance(value, dict) else json.loads(value)
    assert len(arguments["text"].split()) == 5
    record = ask(url, name, "mock;tool=1", stream=True).record
    assert (record.outcome, record.chunks) == ("success", 5)


def test_embedding_is_the_same_in_both_encodings(url: str) -> None:
    """Numbers, or the same numbers as 32-bit floats in base64; as many as asked for."""

    def vectors(**body: Any) -> list[Any]:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
        connection.request(
            "POST", "/v1/embeddings", json.dumps({"model": "mock", "input": ["a", "b"], **body})
        )
        rows = json.loads(connection.getresponse().read())["data"]
        connection.close()
        return [row["embedding"] for row in rows]

    plain = vectors(dimensions=8)
    packed = [
        struct.unpack("<8f", base64.b64decode(text))
        for text in vectors(dimensions=8, encoding_format="base64")
    ]
    assert [len(vector) for vector in (*plain, *packed)] == [8] * 4
    assert packed[1] == pytest.approx(plain[1], abs=1e-6)
    assert len(vectors()[0]) == 1536


def test_embedding_takes_the_time_of_a_first_token(url: str) -> None:
    """Tokens that follow the first have no meaning for it."""
    headers = ask(url, "openai-embeddings", "mock;ttft=5;itl=1000;tokens=50;reasoning=9").headers
    assert 5 <= float(headers["x-mock-provider-ms"]) < 1000


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropics_errors_are_in_its_words(url: str, status: int, kind: str) -> None:
    """Type and shape; a wait where one is due, and its own limits' headers."""
    seen = ask(url, "anthropic-messages", f"mock;status={status};retry_after=7")
    assert seen.status == status
    assert seen.json["type"] == "error"
    assert seen.json["error"]["type"] == kind
    assert seen.headers.get("retry-after") == ("7" if status in (429, 503, 529) else None)
    assert seen.headers["request-id"].startswith("req_")
    assert "anthropic-ratelimit-requests-remaining" in seen.headers
    assert "x-request-id" not in seen.headers


CHAT = {"model": "mock", "messages": [{"role": "user", "content": "hi"}]}
VERSION = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "said"),
    [
        ("/v1/messages", {**CHAT, "max_tokens": 5}, {}, "anthropic-version: header is required"),
        ("/v1/messages", CHAT, VERSION, "max_tokens: Field required"),
        ("/v1/messages", {**CHAT, "max_tokens": "5"}, VERSION, "max_tokens: Input should be a int"),
        ("/v1/messages", {**CHAT, "max_tokens": -1}, VERSION, "max_tokens: Input should be greater"),
        ("/v1/messages", {**CHAT, "max_tokens": 5, "stream": 1}, VERSION, "stream: Input should be"),
        ("/v1/messages", {**CHAT, "max_tokens": 5, "messages": []}, VERSION, "messages: Input should be"),
        ("/v1/messages", [], VERSION, "must be a JSON object"),
        ("/v1/responses", {"model": "mock"}, {}, "'input' must be"),
        (
            "/v1/responses",
            {"model": "mock", "input": "x", "max_output_tokens": 0},
            {},
            "'max_tokens' must be",
        ),
        ("/v1/completions", {"model": "mock"}, {}, "'prompt' must be"),
        ("/v1/completions", {"prompt": "x"}, {}, "model parameter"),
        ("/v1/embeddings", {"model": "mock"}, {}, "'input' must be"),
        ("/v1/embeddings", {"model": "mock", "input": [""]}, {}, "'input' must be"),
        ("/v1/embeddings", {"model": "mock", "input": "x", "dimensions": 0}, {}, "'dimensions' must be"),
        ("/v1/embeddings", {"model": "mock", "input": "x", "encoding_format": "hex"}, {}, "float or base64"),
    ],
)
def test_bad_requests_are_refused_with_the_reason(
    url: str, path: str, body: Any, headers: dict[str, str], said: str
) -> None:
    """What the real API wouldn't take, the mock doesn't either."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert response.status == 400
    assert said in answer["error"]["message"]
