"""Every timeout ends its call in time, with its own class; the servers wait for us, never on a clock."""

from __future__ import annotations

import gevent
import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import call
from tokenswarm.transport.deadline import Deadline
from tokenswarm.transport.endpoint import Timeouts
from tokenswarm.wire.dialect import Request

SHORT_S = 0.06
LONG_S = 20.0
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 100\r\n\r\nno upstream|"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def after(*answers: bytes):
    """A server that sends these and then nothing until the client gives up."""

    def script(peer):
        peer.request()
        for answer in answers:
            peer.send(answer)
        peer.until_client_closes()

    return script


def only(**short: float) -> Timeouts:
    """Long timeouts but for those named."""
    return Timeouts(
        **{"connect_s": LONG_S, "first_token_s": LONG_S, "idle_s": LONG_S, "total_s": LONG_S, **short}
    )


@pytest.mark.parametrize(
    ("outcome", "is_stream", "timeouts", "answers"),
    [
        ("timeout_first_token", True, only(first_token_s=SHORT_S), ()),
        ("timeout_first_token", False, only(first_token_s=SHORT_S), ()),
        # A head, a role-only chunk or a comment is no first token.
        ("timeout_first_token", True, only(first_token_s=SHORT_S), (HEAD, chunk(b"started:x\n"))),
        ("timeout_first_token", True, only(first_token_s=SHORT_S), (b"HTTP/1.1 200 O",)),
        # A whole answer has no first token: from its first byte on only idle and total count.
        ("timeout_idle", False, only(idle_s=SHORT_S), (HEAD, chunk(b"text:a\n"))),
        ("timeout_idle", False, only(idle_s=SHORT_S), (b"HTTP/1.1 200 O",)),
        ("timeout_idle", True, only(idle_s=SHORT_S), (HEAD, chunk(b"text:a\n"))),
        ("timeout_total", True, only(total_s=SHORT_S), ()),
        ("timeout_total", True, only(total_s=SHORT_S), (HEAD, chunk(b"text:a\n"))),
        ("timeout_total", False, only(total_s=SHORT_S), (HEAD,)),
        # The status has said what failed, whatever becomes of the body.
        ("http_5xx", True, only(idle_s=SHORT_S), (REFUSED,)),
    ],
)
def test_silent_server_ends_the_call(serve, connect, ask, outcome, is_stream, timeouts, answers):
    """The record has the class, a line and an end; the connection is closed."""
    connection = connect(serve(after(*answers)).url, timeouts=timeouts)
    record = ask(connection, stream=is_stream)
    assert record.outcome == outcome
    assert record.detail
    assert record.ended_at_s - record.started_at_s >= SHORT_S * 0.9
    assert not connection.is_open


def test_idle_timeout_does_not_cut_the_wait_for_a_first_token(serve, connect, ask):
    """Prefill may take longer than any gap that follows: the first token has a timeout of its own."""
    timeouts = only(idle_s=SHORT_S, first_token_s=SHORT_S * 3)
    record = ask(connect(serve(after(HEAD, chunk(b"started:x\n"))).url, timeouts=timeouts))
    assert record.outcome == "timeout_first_token"


def test_bytes_that_keep_coming_hold_off_idle_but_not_total(serve, connect, ask):
    """A server that drips for ever is ended by the total timeout."""

    def drip(peer):
        peer.request()
        peer.send(HEAD + chunk(b"text:a\n"))
        # Large enough that the client is never idle, and never waits for us.
        try:
            while True:
                peer.send(chunk(b"\n" * 1000))
        except OSError:
            return

    record = ask(connect(serve(drip).url, timeouts=only(total_s=SHORT_S * 2), max_body_bytes=1 << 40))
    assert record.outcome == "timeout_total"


def test_headers_that_keep_coming_hold_off_idle_but_not_total(serve, connect, ask):
    """A whole answer isn't idle while its head drips in."""

    def drip(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        # Never idle, for twice as long as it may be.
        try:
            while True:
                peer.send(b"x-more: y\r\n" * 10)
        except OSError:
            return

    # The server's thread may have to wait for a core for a while.
    timeouts = only(idle_s=1.0, total_s=1.5)
    server = serve(drip)
    record = ask(connect(server.url, timeouts=timeouts, max_header_bytes=1 << 40), stream=False)
    assert record.outcome == "timeout_total"


def test_timeout_on_a_reused_connection_is_no_reason_to_reconnect(serve, connect, ask):
    """Silence isn't a stale connection: the POST may be at work."""
    answer = HEAD + chunk(b"text:a\nfinish:stop\ndone\n") + chunk(b"")

    def script(peer):
        peer.request()
        peer.send(answer)
        peer.request()
        peer.until_client_closes()

    server = serve(script)
    connection = connect(server.url, timeouts=only(first_token_s=1.0))
    assert ask(connection).outcome == "success"
    record = ask(connection)
    assert (record.outcome, record.reconnects) == ("timeout_first_token", 0)
    assert server.connections == 1


def test_connect_timeout_covers_the_handshake(serve, connect, ask):
    """A port that accepts and says nothing never completes TLS; no request was sent."""
    server = serve(lambda peer: peer.until_client_closes())
    record = ask(connect(server.url.replace("http", "https"), timeouts=only(connect_s=SHORT_S)))
    assert (record.outcome, record.started_at_s, record.connect_s) == ("timeout_connect", None, None)
    assert record.latency_s is None
    assert record.effective_latency_s is not None


def test_deadline_that_moves_starts_again_for_what_is_left():
    """The timer fires at the first time, sees that it has moved, and ends the wait at the second."""
    now_s = [0.0]
    deadline = Deadline(only(idle_s=1.0), lambda: now_s[0])
    deadline.begin()
    deadline.phase("timeout_idle", SHORT_S)
    deadline.move(SHORT_S * 2)

    def waits():
        try:
            gevent.sleep(LONG_S)
        except Exception as failure:  # the timer threw it, whatever it is
            return failure
        return None

    waiting = gevent.spawn(waits)
    gevent.idle()
    deadline._greenlet = waiting  # begin() takes the running greenlet, which is this test
    now_s[0] = SHORT_S * 1.5
    waiting.join(SHORT_S * 3)
    assert not waiting.ready()
    now_s[0] = SHORT_S * 2
    waiting.join(LONG_S)
    assert waiting.value.outcome == "timeout_idle"
    deadline.close()


def test_deadline_after_the_end_of_a_call_does_nothing(serve, connect, ask):
    """Between two calls a user thinks; a timer left over must not end that."""
    answer = HEAD + chunk(b"text:a\nfinish:stop\ndone\n") + chunk(b"")
    server = serve(lambda peer: (peer.request(), peer.send(answer), peer.until_client_closes()))
    connection = connect(server.url, timeouts=only(first_token_s=1.0, total_s=1.0))
    assert ask(connection).outcome == "success"
    gevent.sleep(1.1)
    assert connection.is_open


def test_killed_greenlet_leaves_an_interrupted_record(serve, connect, dialect):
    """Locust kills users in mid-call: the record says so, the connection is closed, the kill goes on."""
    connection = connect(serve(after(HEAD, chunk(b"text:a\n"))).url)
    record = CallRecord(connection.clock())
    record.stream = True
    returned = []

    def user():
        returned.append(call(connection, dialect, Request("/v1/lines", b""), record))

    greenlet = gevent.spawn(user)
    while not record.content_at_s:
        gevent.sleep(0.001)
    greenlet.kill()
    assert returned == []
    assert (record.outcome, record.detail) == ("interrupted", "stopped by GreenletExit")
    assert record.ended_at_s >= record.content_at_s[0]
    assert record.bytes_received > 0
    assert not connection.is_open


def test_call_killed_while_its_stream_is_drained_stays_a_success(serve, connect, dialect):
    """The answer was over; only the connection was still of interest."""
    connection = connect(serve(after(HEAD, chunk(b"text:a\nfinish:stop\ndone\n"))).url)
    record = CallRecord(connection.clock())
    record.stream = True
    greenlet = gevent.spawn(call, connection, dialect, Request("/v1/lines", b""), record)
    while record.ended_at_s is None:
        gevent.sleep(0.001)
    greenlet.kill()
    assert record.outcome == "success"
    assert not connection.is_open
