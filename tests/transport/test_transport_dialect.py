"""The real dialect over a real socket: what gateways send, from the first byte to the record."""

from __future__ import annotations

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import call
from tokenswarm.wire.dialect import DIALECTS, ChatOptions

DIALECT = DIALECTS["openai-chat"]
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def data(payload: bytes) -> bytes:
    """One event in a chunk of its own."""
    event = b"data: " + payload + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


def choice(delta: bytes, reason: bytes = b"null") -> bytes:
    choices = b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]' % (delta, reason)
    return data(b'{"id":"c-1","object":"chat.completion.chunk","model":"m-1",%b}' % choices)


ROLE = choice(b'{"role":"assistant","content":""}')
WORDS = choice(b'{"content":"the "}') + choice(b'{"content":"fox"}')
STOP = choice(b"{}", b'"stop"')
USAGE = data(b'{"id":"c-1","model":"m-1","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}')
FAULT = data(b'{"error":{"message":"upstream died","type":"server_error","code":"500"}}')
DONE = data(b"[DONE]")
END = b"0\r\n\r\n"


def chat(connection, *, stream: bool) -> CallRecord:
    record = CallRecord(connection.clock())
    record.stream = stream
    return call(connection, DIALECT, DIALECT.encode("say", ChatOptions("m-1", stream=stream)), record)


@pytest.mark.parametrize(
    ("stream", "outcome"),
    [
        (ROLE + WORDS + STOP + USAGE + DONE + END, "success"),
        (ROLE + WORDS + STOP + USAGE + END, "truncated"),
        (ROLE + WORDS + DONE + END, "truncated"),
        (ROLE + WORDS + FAULT + DONE + END, "stream_error"),
        (ROLE + WORDS + FAULT + END, "stream_error"),
        (ROLE + STOP + DONE + END, "empty"),
        (ROLE + WORDS + data(b"{broken") + DONE + END, "malformed"),
    ],
)
def test_streams_of_gateways(serve, connect, stream, outcome):
    """Whatever ends it, the two words were counted, and the connection can be used again."""
    server = serve(lambda peer: (peer.request(), peer.send(HEAD + stream), peer.until_client_closes()))
    connection = connect(server.url)
    record = chat(connection, stream=True)
    assert record.outcome == outcome, record.detail
    assert record.chunks == (2 if WORDS in stream else 0)
    assert connection.is_open


def test_stream_fills_the_record(serve, connect):
    """Identity, tokens and reason are the server's."""
    stream = HEAD + ROLE + WORDS + STOP + USAGE + DONE + END
    record = chat(connect(serve(lambda peer: (peer.request(), peer.send(stream))).url), stream=True)
    assert (record.response_id, record.model, record.finish_reason) == ("c-1", "m-1", "stop")
    assert (record.input_tokens, record.output_tokens, record.tokens_estimated) == (4, 2, False)
    assert record.output_chars == len("the fox")


def test_whole_answer(serve, connect):
    """Not streaming: a JSON body, whose end is the end of the call."""
    body = (
        b'{"id":"c-2","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"the fox"},'
        b'"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":2}}'
    )
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    record = chat(connect(serve(lambda peer: (peer.request(), peer.send(answer + body))).url), stream=False)
    assert (record.outcome, record.response_id, record.output_tokens) == ("success", "c-2", 2)
    assert record.latency_s is not None
    assert record.ttft_s is None


def test_refusal_with_type_and_code(serve, connect):
    """The provider's own words reach the report."""
    body = b'{"error":{"message":"Slow down","type":"rate_limit_error","param":null,"code":"429"}}'
    answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: %d\r\n\r\n" % len(body)
    record = chat(connect(serve(lambda peer: (peer.request(), peer.send(answer + body))).url), stream=True)
    assert (record.outcome, record.detail) == ("rate_limited", "HTTP 429: Slow down (rate_limit_error, 429)")
