"""Calls over real WebSockets: what is timed, what is kept, and what happens between two calls."""

from __future__ import annotations

import threading
from urllib.parse import quote

import gevent
import pytest

from tokenswarm.transport.endpoint import Timeouts


def until(is_so, patience_s=20.0):
    """Let the hub run until it is so."""
    with gevent.Timeout(patience_s):
        while not is_so():
            gevent.sleep(0.001)


def test_a_call_is_timed_from_its_message_to_its_end(serve, dial, talk, ws):
    """Connect time, first token, latency and gaps in the order in which they happened; messages counted."""
    steps = [threading.Event() for _ in range(2)]

    def script(peer):
        ws.accept(peer)
        assert ws.read_frame(peer) == (ws.TEXT, b'{"say":"Which city?"}')
        for step in steps:
            peer.send(ws.frame(ws.TOKEN))
            assert step.wait(20)
        peer.send(ws.frame(ws.DONE))
        peer.until_client_closes()

    connection = dial(serve(script).url)
    # Each token is let go once the client has read the one before, so that none can share a read.
    call = gevent.spawn(talk, connection)
    for number, step in enumerate(steps):
        until(lambda at=number: connection.bytes_received >= (at + 1) * len(ws.frame(ws.TOKEN)))
        step.set()
    record = call.get()
    assert (record.outcome, record.status, record.detail) == ("success", 101, "")
    assert record.connect_s > 0
    assert record.started_at_s <= record.sent_at_s <= record.content_at_s[0] < record.content_at_s[1]
    assert record.content_at_s[1] <= record.ended_at_s
    assert (record.chunks, record.chunks_together, record.messages) == (2, 0, 3)
    assert record.ttft_s > 0
    assert len(record.gaps_s) == 1


def test_messages_that_arrive_together_are_one_read(serve, dial, talk, ws):
    """A gateway that gathers messages is seen to: they share a time, and leave no gap."""
    record = talk(dial(serve(lambda peer: ws.chat(peer, ws.frame(ws.TOKEN) + ws.ANSWER)).url))
    assert (record.outcome, record.chunks, record.chunks_together, record.gaps_s) == ("success", 2, 2, [])


def test_the_connection_is_kept_from_call_to_call(serve, dial, talk, ws):
    """One connection, one upgrade, one connect time."""
    server = serve(lambda peer: ws.chat(peer, *[ws.ANSWER] * 3))
    connection = dial(server.url)
    records = [talk(connection) for _ in range(3)]
    assert [record.outcome for record in records] == ["success"] * 3
    assert [record.is_reused for record in records] == [False, True, True]
    assert [record.connect_s is None for record in records] == [False, True, True]
    assert server.connections == 1


def test_frames_may_be_split_anywhere(serve, dial, talk, ws):
    """Byte by byte, and a message in fragments with a ping between them."""

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        half = len(ws.TOKEN) // 2
        parts = ws.frame(ws.TOKEN[:half], fin=False) + ws.frame(b"now", ws.PING)
        parts += ws.frame(ws.TOKEN[half:], ws.CONTINUATION)
        for at in range(len(parts)):
            peer.send(parts[at : at + 1])
        assert ws.read_frame(peer) == (ws.PONG, b"now")
        peer.send(ws.frame(ws.DONE))
        peer.until_client_closes()

    record = talk(dial(serve(script).url))
    assert (record.outcome, record.output_chars, record.messages) == ("success", 2, 2)


def test_the_client_closes_in_due_form(serve, dial, talk, ws):
    """A user that goes home says so: code 1000."""
    last = []

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        last.append(ws.read_frame(peer))

    server = serve(script)
    connection = dial(server.url)
    talk(connection)
    connection.close()
    server.finish()
    assert last == [(ws.CLOSE, (1000).to_bytes(2, "big"))]


def test_pings_are_answered_between_calls(serve, dial, talk, ws):
    """A resting connection is not a dead one."""

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.send(ws.ANSWER + ws.frame(b"still there?", ws.PING))
        assert ws.read_frame(peer) == (ws.PONG, b"still there?")
        asked.set()
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        peer.until_client_closes()

    asked = threading.Event()
    connection = dial(serve(script).url)
    talk(connection)
    until(asked.is_set)
    record = talk(connection)
    assert (record.outcome, record.is_reused) == ("success", True)


def test_what_came_between_calls_is_no_answer(serve, dial, talk, ws):
    """Late messages of one call are counted, and are not the next one's first token."""
    gone = threading.Event()

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        assert gone.wait(20)
        peer.send(ws.frame(ws.TOKEN) * 2)
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        peer.until_client_closes()

    connection = dial(serve(script).url)
    talk(connection)
    gone.set()
    until(lambda: connection._unclaimed == 2)
    record = talk(connection)
    assert (record.outcome, record.chunks, record.messages) == ("success", 1, 4)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda ws, peer: peer.send(ws.close(1001)), 1001),
        (lambda ws, peer: peer.send(ws.close(1011, b"out of memory")), 1011),
        (lambda ws, peer: peer.send(ws.close()), 1005),
        (lambda _ws, _peer: None, 1006),
        (lambda _ws, peer: peer.reset(), 1006),
        (lambda _ws, peer: peer.send(b"\xff\xff\xff"), 1006),
    ],
    ids=["1001", "1011", "no code", "no close frame", "reset", "rubbish"],
)
def test_a_drop_between_calls_is_counted_and_made_good(serve, dial, talk, ws, end, code):
    """Seen when it happens, by its code; the next call has a new connection, and is no failure."""

    def dropping(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        end(ws, peer)

    seen = ws.Seen()
    connection = dial(serve(dropping, lambda peer: ws.chat(peer, ws.ANSWER)).url, watch=seen)
    assert talk(connection).outcome == "success"
    until(lambda: seen.drops)
    assert (seen.drops, seen.open, connection.is_open) == ([(code, False)], 0, False)
    record = talk(connection)
    assert (record.outcome, record.reconnects, record.is_reused) == ("success", 1, False)
    assert seen.open == 1


def test_a_drop_is_noticed_by_a_user_that_never_pauses(serve, dial, talk, ws):
    """The close came with the answer: the next call must not be sent into it."""
    seen = ws.Seen()

    def closing(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.send(ws.ANSWER + ws.close(1012))
        peer.until_client_closes()

    connection = dial(serve(closing, lambda peer: ws.chat(peer, ws.ANSWER)).url, watch=seen)
    records = [talk(connection), talk(connection)]
    assert [record.outcome for record in records] == ["success", "success"]
    assert (seen.drops, records[1].reconnects) == ([(1012, False)], 1)


def test_our_pings_keep_a_connection_that_answers_them(serve, dial, talk, ws):
    """Ping after ping, and nothing is given up."""
    pings = []

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        while len(pings) < 3:
            pings.append(ws.read_frame(peer)[0])
            peer.send(ws.frame(b"", ws.PONG))
        peer.until_client_closes()

    seen = ws.Seen()
    connection = dial(serve(script).url, watch=seen, ping_s=0.3)
    talk(connection)
    until(lambda: len(pings) == 3)
    assert pings == [ws.PING] * 3


def test_a_peer_that_answers_no_ping_is_given_up_between_calls(serve, dial, talk, ws):
    """Nobody waits for a connection that only looks open."""
    seen = ws.Seen()
    connection = dial(serve(lambda peer: ws.chat(peer, ws.ANSWER)).url, watch=seen, ping_s=0.05)
    talk(connection)
    until(lambda: seen.drops)
    assert (seen.drops, connection.is_open) == ([(1006, False)], False)


def test_a_peer_that_answers_no_ping_is_given_up_in_a_call(serve, dial, talk, ws):
    """Long before the first token's timeout."""
    record = talk(dial(serve(lambda peer: ws.chat(peer, b"")).url, ping_s=0.05))
    assert (record.outcome, record.detail) == ("timeout_idle", "no answer to a ping within 0.05 s")


def test_the_greeting_is_waited_for_and_is_part_of_connecting(serve, dial, talk, ws):
    """A gateway that opens a session upstream first takes the time that it takes, before the call."""

    def script(peer):
        ws.accept(peer)
        peer.send(ws.frame(b'{"type":"info"}') + ws.frame(b'{"type":"hello"}'))
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        peer.until_client_closes()

    record = talk(dial(serve(script).url, ws.GREETING_CHAT))
    assert (record.outcome, record.messages) == ("success", 4)
    assert record.intended_at_s + record.connect_s <= record.started_at_s


def test_messages_in_the_same_write_as_the_upgrade_are_read(serve, dial, talk, ws):
    """The server's first bytes after its head are frames already."""

    def script(peer):
        ws.accept(peer, ws.frame(b'{"type":"hello"}'))
        ws.read_frame(peer)
        peer.send(ws.ANSWER)
        peer.until_client_closes()

    assert talk(dial(serve(script).url, ws.GREETING_CHAT)).outcome == "success"


@pytest.mark.parametrize(
    ("dialect", "timeouts", "says", "outcome"),
    [
        ("GREETING_CHAT", Timeouts(0.1, 20, 20, 20), [], "timeout_connect"),
        ("CHAT", Timeouts(20, 0.1, 20, 20), ["STATUS"], "timeout_first_token"),
        ("CHAT", Timeouts(20, 20, 0.1, 20), ["TOKEN"], "timeout_idle"),
        ("CHAT", Timeouts(20, 20, 20, 0.1), ["TOKEN"], "timeout_total"),
    ],
)
def test_each_timeout_has_its_class(serve, dial, talk, ws, dialect, timeouts, says, outcome):
    """As with HTTP; a message that is no content does not count as a first token."""
    bytes_of = {"STATUS": b'{"type":"status"}', "TOKEN": ws.TOKEN}
    answer = b"".join(ws.frame(bytes_of[name]) for name in says)
    record = talk(
        dial(serve(lambda peer: ws.chat(peer, answer)).url, getattr(ws, dialect), timeouts=timeouts)
    )
    assert record.outcome == outcome


def test_a_killed_user_leaves_an_interrupted_call_and_no_connection(serve, dial, talk, ws):
    """Neither success nor failure, and the server sees us go."""
    seen = ws.Seen()
    asked = threading.Event()

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        asked.set()
        peer.until_client_closes()

    connection = dial(serve(script).url, watch=seen)
    records = []
    original = connection.call
    user = gevent.spawn(lambda: talk(_Recording(connection, original, records)))
    until(asked.is_set)
    user.kill()
    assert [record.outcome for record in records] == ["interrupted"]
    assert (seen.open, seen.drops) == (0, [])


class _Recording:
    """Lends a connection, and keeps the record of a call that never returns."""

    def __init__(self, connection, call, records):
        self.clock = connection.clock
        self._call = call
        self._records = records

    def call(self, request, record):
        self._records.append(record)
        return self._call(request, record)


@pytest.mark.parametrize(
    ("sent_as", "path", "seen_at"),
    [
        ("bearer", "", b"authorization: Bearer secret/key 1"),
        ("api-key", "", b"api-key: secret/key 1"),
        ("path", "/{key}/ws", b"GET /secret%2Fkey%201/ws "),
        ("path", "/ws?token={key}", b"GET /ws?token=secret%2Fkey%201 "),
    ],
)
def test_the_key_goes_where_the_target_wants_it_and_nowhere_else(
    serve, dial, talk, ws, sent_as, path, seen_at
):
    """In a header, the path or the query; a server that echoes it doesn't get it into a report."""
    heads = []

    def script(peer):
        heads.append(ws.accept(peer))
        ws.read_frame(peer)
        said = b'{"type":"error","message":"bad key secret/key 1 (secret%2Fkey%201)"}'
        peer.send(ws.frame(said))
        peer.until_client_closes()

    record = talk(dial(serve(script).url + path, key="secret/key 1", key_sent_as=sent_as))
    assert seen_at in heads[0]
    assert (record.outcome, record.detail) == ("stream_error", "bad key [redacted] ([redacted])")
    assert quote("secret/key 1") not in repr(record.detail)
