"""HTTP on real sockets: framing, limits, addresses, and when a request was sent."""

from __future__ import annotations

import socket
import time
from threading import Event

import gevent
import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.wire.dialect import Request

from .answers import ANSWER, CHUNKED, CHUNKED_ANSWER, REQUEST, chunks, whole


def test_content_length_answer_fills_the_record(serve, connect, ask):
    """Times stand in order, and counts, headers and labels are what the server sent."""
    server = serve(lambda peer: (peer.request(), peer.send(whole(ANSWER, b"X-Cache: HIT"))))
    record = ask(connect(server.url))
    assert (record.outcome, record.detail, record.status) == ("success", "", 200)
    assert record.headers == [(b"x-cache", b"HIT"), (b"content-length", b"%d" % len(ANSWER))]
    assert (record.response_id, record.model, record.finish_reason) == ("r-1", "model-1", "stop")
    assert (record.input_tokens, record.output_tokens, record.cost) == (3, 2, 0.5)
    assert (record.output_chars, record.chunks, record.chunks_together) == (9, 2, 2)
    assert record.connect_s is not None
    assert not record.is_reused
    times = [
        record.intended_at_s,
        record.started_at_s,
        record.sent_at_s,
        record.headers_at_s,
        record.content_at_s[0],
        record.ended_at_s,
    ]
    assert times == sorted(times)
    assert record.bytes_received == len(whole(ANSWER, b"X-Cache: HIT"))


def test_request_is_well_formed_and_counted(serve, connect, ask):
    """Method, path, host, headers and length reach the server as one request."""
    seen = []
    server = serve(lambda peer: (seen.append(peer.request()), peer.send(whole())))
    record = ask(connect(server.url, key="sk-12345678", headers={"x-team": "blue"}))
    head, _, body = seen[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /v1/lines HTTP/1.1"
    assert f"host: 127.0.0.1:{server.port}" in lines
    assert "authorization: Bearer sk-12345678" in lines
    assert "x-team: blue" in lines
    assert "accept-encoding: identity" in lines
    assert f"content-length: {len(body)}" in lines
    assert body == b"say something"
    assert record.bytes_sent == len(seen[0])


def test_chunked_answer_split_at_every_byte(serve, connect, ask):
    """However the network cuts the bytes, the events are the same; one connection serves all."""
    splits = range(1, len(CHUNKED_ANSWER), 3)

    def script(peer):
        for at in splits:
            peer.request()
            peer.send(CHUNKED_ANSWER[:at])
            peer.send(CHUNKED_ANSWER[at:])

    server = serve(script)
    connection = connect(server.url)
    for at in splits:
        record = ask(connection)
        assert (record.outcome, record.output_chars, record.chunks) == ("success", 9, 2), at
    assert server.connections == 1


def test_chunks_in_one_read_are_together(serve, connect, ask):
    """A gateway that buffers is seen by the reads, which is what burst_ratio rests on."""
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(CHUNKED_ANSWER))).url))
    assert (record.chunks, record.chunks_together, len(record.content_at_s)) == (2, 2, 1)
    assert record.burst_ratio == 1.0
    assert record.gaps_s == []


def test_chunks_in_two_reads_have_two_times(serve, connect, ask):
    """The server sends the second chunk only once the client has read the first."""
    seen = Event()

    def script(peer):
        peer.request()
        peer.send(CHUNKED + b"\r\n" + chunks(b"text:a\n"))
        assert seen.wait(20)
        peer.send(chunks(b"text:b\nfinish:stop\ndone\n", b""))

    record = ask(connect(serve(script).url), seen=seen)
    assert (record.chunks, record.chunks_together, len(record.content_at_s)) == (2, 0, 2)
    assert len(record.gaps_s) == 1


def test_body_until_close(serve, connect, ask):
    """A body without a length ends with the connection, which is then not reused."""
    server = serve(
        lambda peer: (peer.request(), peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER.removesuffix(b"done\n")))
    )
    connection = connect(server.url)
    record = ask(connection)
    assert record.outcome == "truncated"  # without its terminal event
    assert not connection.is_open


def test_body_until_close_with_a_terminal_event_succeeds(serve, connect, ask):
    """The end of the connection completes a last line without a line feed."""
    server = serve(lambda peer: (peer.request(), peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER.strip())))
    record = ask(connect(server.url))
    assert (record.outcome, record.output_chars) == ("success", 9)


def test_informational_responses_are_skipped(serve, connect, ask):
    """100 and 103 come before the answer; neither their status nor their headers count."""
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(early + whole()))).url))
    assert (record.outcome, record.status) == ("success", 200)
    assert [name for name, _ in record.headers] == [b"content-length"]


def test_first_byte_is_that_of_the_answer_not_of_an_early_hint(serve, connect):
    """TTFB is the time to the response; the server sends it only once its hint has been read."""
    hint_was_read = Event()

    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        assert hint_was_read.wait(20)
        peer.send(whole())

    connection = connect(serve(script).url)
    record = CallRecord(0.0)
    user = gevent.spawn(connection.request, REQUEST, record)
    while not connection.bytes_received:
        gevent.sleep(0.001)
    read_at_s = connection.clock()
    hint_was_read.set()
    user.get(timeout=20)
    assert record.headers_at_s > read_at_s


def test_being_woken_for_nothing_ends_no_wait(serve, connect):
    """Whoever else switches to a user that waits for bytes gets it back: there are none, so it waits on."""
    may_answer = Event()

    def script(peer):
        peer.request()
        assert may_answer.wait(20)
        peer.send(whole())

    connection = connect(serve(script).url)
    record = CallRecord(0.0)
    user = gevent.spawn(connection.request, REQUEST, record)
    while record.sent_at_s is None:
        gevent.sleep(0.001)
    for _ in range(3):
        gevent.get_hub().loop.run_callback(user.switch)
        gevent.sleep(0.001)
    assert not user.ready()
    may_answer.set()
    assert user.get(timeout=20) == record.headers_at_s
    assert connection.response.has_head


def test_switching_protocols_is_malformed(serve, connect, ask):
    """Nobody asked for another protocol."""
    switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
    assert ask(connect(serve(lambda peer: (peer.request(), peer.send(switch))).url)).outcome == "malformed"


def test_headers_over_the_limit_are_malformed(serve, connect, ask):
    """A server can't fill our memory with headers."""
    server = serve(
        lambda peer: (
            peer.request(),
            peer.send(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000),
            peer.until_client_closes(),
        )
    )
    connection = connect(server.url)
    record = ask(connection)
    assert (record.outcome, record.detail) == ("malformed", "response headers larger than the limit")
    assert not connection.is_open


def test_body_over_the_limit_is_malformed(serve, connect, ask):
    """Nor with a body, whatever its content length promises."""
    server = serve(
        lambda peer: (peer.request(), peer.send(whole(b"text:a\n" * 100_000)), peer.until_client_closes())
    )
    record = ask(connect(server.url, max_body_bytes=1000))
    assert (record.outcome, record.detail) == ("malformed", "body larger than the limit")


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/9 what\r\n\r\n"]
)
def test_garbage_is_malformed(serve, connect, ask, garbage):
    """A port that speaks something else gives a failed call with a line that says so."""
    server = serve(lambda peer: (peer.request(), peer.send(garbage), peer.until_client_closes()))
    record = ask(connect(server.url))
    assert record.outcome == "malformed"
    assert record.detail.startswith("not HTTP: ")


@pytest.mark.parametrize("reads_on", [True, False])
def test_answer_before_the_whole_request_is_read(serve, connect, ask, reads_on):
    """A server may refuse a large prompt early and close; the refusal counts, not the broken pipe."""

    def script(peer):
        peer.sock.recv(1024)
        peer.send(whole(b"too large", b"connection: close", status=b"413 Content Too Large"))
        if reads_on:
            peer.until_client_closes()

    record = ask(connect(serve(script).url), request=Request("/v1/lines", b"x" * 8_000_000))
    assert (record.outcome, record.status) == ("http_4xx", 413)


def test_large_request_is_sent_whole(serve, connect, ask):
    """A prompt larger than the socket's buffer takes several writes."""
    lengths = []
    server = serve(lambda peer: (lengths.append(len(peer.request())), peer.send(whole())))
    record = ask(connect(server.url), request=Request("/v1/lines", b"x" * 8_000_000))
    assert record.outcome == "success"
    assert lengths == [record.bytes_sent]


def test_ipv6_literal(serve, connect, ask):
    """[::1] is an address like any other."""
    seen = []
    server = serve(lambda peer: (seen.append(peer.request()), peer.send(whole())), family=socket.AF_INET6)
    assert ask(connect(server.url)).outcome == "success"
    assert b"host: [::1]:%d\r\n" % server.port in seen[0]


def test_host_name_is_resolved_and_each_address_tried(serve, connect, ask):
    """`localhost` may be ::1 first, where nobody listens."""
    server = serve(lambda peer: (peer.request(), peer.send(whole())))
    assert ask(connect(f"http://localhost:{server.port}")).outcome == "success"


def test_request_is_sent_before_the_server_has_it(serve, connect, ask):
    """Who sends may lose the core to whom it wakes: the answer must not seem to have come in no time."""
    received_s = []

    def answer_all(peer):
        while peer.request():
            received_s.append(time.monotonic())
            peer.send(whole(ANSWER))

    connection = connect(serve(answer_all).url)
    sent_s = [ask(connection).sent_at_s for _ in range(300)]
    assert [sent - got for sent, got in zip(sent_s, received_s, strict=True) if sent > got] == []
