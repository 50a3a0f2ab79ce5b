"""Kept connections: when they are used again, opened anew, or given up."""

from __future__ import annotations

from threading import Event

import pytest

from .answers import ANSWER, CHUNKED, chunks, whole


def test_keep_alive_connection_is_reused(serve, connect, ask):
    """The second call opens nothing, and says so."""
    server = serve(lambda peer: [(peer.request(), peer.send(whole())) for _ in range(3)])
    connection = connect(server.url)
    records = [ask(connection, stream=False) for _ in range(3)]
    assert [record.outcome for record in records] == ["success"] * 3
    assert [record.is_reused for record in records] == [False, True, True]
    assert [record.connect_s is None for record in records] == [False, True, True]
    assert [record.bytes_received for record in records] == [len(whole())] * 3


def test_connection_close_is_honoured(serve, connect, ask):
    """After `connection: close` the next call opens a new connection, which is no reconnect."""
    server = serve(
        lambda peer: (peer.request(), peer.send(whole(ANSWER, b"Connection: close"))),
        lambda peer: (peer.request(), peer.send(whole())),
    )
    connection = connect(server.url)
    assert ask(connection).outcome == "success"
    assert not connection.is_open
    second = ask(connection)
    assert (second.outcome, second.is_reused, second.reconnects) == ("success", False, 0)


def test_connection_closed_while_idle_is_opened_once_more(serve, connect, ask):
    """The user sees one good call; the record says what it cost."""
    server = serve(
        lambda peer: (peer.request(), peer.send(whole())),
        lambda peer: (peer.request(), peer.send(whole())),
    )
    connection = connect(server.url)
    ask(connection)
    assert connection.is_open
    record = ask(connection)
    assert (record.outcome, record.reconnects, record.is_reused) == ("success", 1, False)
    assert record.connect_s is not None
    assert server.connections == 2


def test_connection_reset_while_idle_is_opened_once_more(serve, connect, ask):
    """A reset says the same as a close, if no byte of the answer came."""
    server = serve(
        lambda peer: (peer.request(), peer.send(whole()), peer.request(), peer.reset()),
        lambda peer: (peer.request(), peer.send(whole())),
    )
    connection = connect(server.url)
    ask(connection)
    record = ask(connection)
    assert (record.outcome, record.reconnects) == ("success", 1)


def test_only_one_reconnect(serve, connect, ask):
    """A server that closes new connections, too, fails the call."""
    server = serve(
        lambda peer: (peer.request(), peer.send(whole())),
        lambda peer: peer.request(),
    )
    connection = connect(server.url)
    ask(connection)
    record = ask(connection)
    assert (record.outcome, record.reconnects) == ("truncated", 1)
    assert record.detail == "connection closed before any byte of an answer"
    assert server.connections == 2


@pytest.mark.parametrize("first_bytes", [b"H", whole()[:40], b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_no_reconnect_after_a_byte_of_the_answer(serve, connect, ask, first_bytes):
    """A POST that the server has begun to answer is never sent twice."""
    server = serve(lambda peer: (peer.request(), peer.send(whole()), peer.request(), peer.send(first_bytes)))
    connection = connect(server.url)
    ask(connection)
    record = ask(connection)
    assert (record.outcome, record.reconnects, record.is_reused) == ("truncated", 0, True)
    assert server.connections == 1


def test_no_reconnect_of_a_new_connection(serve, connect, ask):
    """Only a kept connection can have been stale."""
    server = serve(lambda peer: peer.request())
    record = ask(connect(server.url))
    assert (record.outcome, record.reconnects) == ("truncated", 0)
    assert server.connections == 1


def test_reset_inside_the_body_is_truncated(serve, connect, ask):
    """What came before the reset stays in the record."""
    seen = Event()

    def script(peer):
        peer.request()
        peer.send(CHUNKED + b"\r\n" + chunks(b"text:a\n"))
        assert seen.wait(20)
        peer.reset()

    connection = connect(serve(script).url)
    record = ask(connection, seen=seen)
    assert (record.outcome, record.detail, record.chunks) == ("truncated", "Connection reset by peer", 1)
    assert not connection.is_open


def test_bytes_after_the_answer_never_reach_the_next_call(serve, connect, ask):
    """The answer stands, but its connection is given up."""
    extra = whole(b"text:stale\nfinish:stop\ndone\n")
    server = serve(lambda peer: (peer.request(), peer.send(whole() + extra)))
    connection = connect(server.url)
    record = ask(connection)
    assert (record.outcome, record.output_chars, len(record.headers)) == ("success", 9, 1)
    assert not connection.is_open


def test_trailing_chunk_after_the_terminal_event_is_drained(serve, connect, ask):
    """The end of the body may come after `done`: the connection stays usable."""

    def script(peer):
        peer.request()
        peer.send(CHUNKED + b"\r\n" + chunks(b"text:a\nfinish:stop\ndone\n"))
        peer.send(chunks(b"text:late\n", b""))
        peer.request()
        peer.send(whole())

    server = serve(script)
    connection = connect(server.url)
    assert ask(connection).outcome == "success"
    second = ask(connection)
    assert (second.outcome, second.is_reused) == ("success", True)


def test_stream_that_never_ends_its_body_costs_its_connection(serve, connect, ask):
    """A call ends with its terminal event, and does not wait for an end that doesn't come."""
    stream = CHUNKED + b"\r\n" + chunks(b"text:a\nfinish:stop\ndone\n")
    server = serve(lambda peer: (peer.request(), peer.send(stream), peer.until_client_closes()))
    connection = connect(server.url, drain_s=0.1)
    record = ask(connection)
    assert record.outcome == "success"
    assert record.ended_at_s == record.content_at_s[-1]
    assert not connection.is_open
