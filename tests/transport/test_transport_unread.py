"""Whole answers may be left unread; what they say is then filled in later, and by no other answer."""

from __future__ import annotations

import gzip

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import ask as send
from tokenswarm.transport.endpoint import Timeouts
from tokenswarm.transport.unread import read_answer
from tokenswarm.wire.dialect import DIALECTS, Request

CHAT = DIALECTS["openai-chat"]
REQUEST = Request("/v1/chat/completions", b"{}")
GOOD = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}'


def answer(body: bytes, content_type: bytes = b"application/json", *more: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in (*more, b"content-type: " + content_type))
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (lines, len(body), body)


@pytest.fixture
def exchange(serve, connect):
    """Calls over one connection, each answered with the next of these; records as `ask` leaves them."""

    def script_of(*answers: bytes):
        def script(peer):
            for one in answers:
                peer.request()
                peer.send(one)
            peer.until_client_closes()

        connection = connect(serve(script).url, timeouts=Timeouts(), accept_gzip=True)
        records = [CallRecord() for _ in answers]
        for record in records:
            send(connection, CHAT, REQUEST, record)
        return records

    return script_of


def test_times_are_known_before_the_answer_is_read(exchange):
    """What is left to do needs no clock and no connection: the next call may be over by then."""
    first, second = exchange(answer(GOOD), answer(GOOD.replace(b"Hi", b"Hello")))
    assert first.ended_at_s is not None
    assert first.ended_at_s <= second.sent_at_s
    assert (first.output_chars, first.input_tokens, first.content_at_s) == (0, None, [])
    for record, chars in ((first, 2), (second, 5)):
        read_answer(record)
        assert (record.outcome, record.output_chars, record.input_tokens) == ("success", chars, 3)
        assert record.content_at_s == [record.first_output_at_s] == [record.ended_at_s]
        assert record.unread is None


def test_each_answer_is_read_by_its_own_headers(exchange):
    """JSON, gzip, streams that nobody asked for, HTML and JSON again over one connection."""
    stream = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    records = exchange(
        answer(GOOD),
        answer(gzip.compress(GOOD), b"application/json", b"Content-Encoding: gzip"),
        answer(stream, b"text/event-stream"),
        answer(GOOD),
        answer(stream, b"text/event-stream", b"content-type: application/json"),  # a proxy's: the last counts
        answer(b"<html>sorry</html>", b"text/html"),
        answer(GOOD, b"application/json; charset=utf-8"),
    )
    for record in records:
        read_answer(record)
    assert [record.outcome for record in records] == ["success"] * 5 + ["malformed", "success"]
    assert [at for at, record in enumerate(records) if record.encoded_bytes is not None] == [1]
    assert "HTML" in records[5].detail


def test_what_was_kept_of_the_body_is_there_when_it_is_read(exchange):
    """Whoever wants the bytes of an answer gets them, inflated."""
    (record,) = exchange(answer(gzip.compress(GOOD), b"application/json", b"content-encoding: gzip"))
    record.body = bytearray()
    read_answer(record)
    assert record.body == GOOD


def test_a_large_answer_is_read_at_once(exchange):
    """Dozens of them in a row would hold up whoever else waits for a turn."""
    (record,) = exchange(answer(GOOD.replace(b"Hi", b"Hi" * 10_000)))
    assert (record.unread, record.output_chars) == (None, 20_000)


def test_reading_twice_changes_nothing(exchange):
    """The second time there is nothing left."""
    (record,) = exchange(answer(GOOD))
    read_answer(record)
    read_answer(record)
    assert (record.output_chars, record.chunks) == (2, 1)
