"""Servers that break off, talk rubbish or never end: each lands in its class, and the user goes on."""

from __future__ import annotations

import contextlib
import gc
import ssl
from typing import NamedTuple

import gevent
import psutil
import pytest
import trustme

from tokenswarm.transport.endpoint import Timeouts
from tokenswarm.transport.frames import MAX_MESSAGE_BYTES

# name → what the server sends in place of an answer, the outcome, and a part of the detail
FAULTS = {
    "no close frame": (lambda _ws: b"", "truncated", "closed with 1006"),
    "no close frame, mid-answer": (lambda ws: ws.frame(ws.TOKEN), "truncated", "closed with 1006"),
    "half a frame": (lambda ws: ws.frame(ws.TOKEN)[:-3], "truncated", "closed with 1006"),
    "close 1000": (lambda ws: ws.close(1000), "truncated", "closed with 1000 (normal closure)"),
    "close 1001": (lambda ws: ws.close(1001, b"bye"), "truncated", "closed with 1001 (going away): bye"),
    "close without a code": (lambda ws: ws.close(), "truncated", "closed with 1005"),
    "close 1008": (
        lambda ws: ws.close(1008, b"no"),
        "stream_error",
        "closed with 1008 (policy violation): no",
    ),
    "close 1011": (lambda ws: ws.close(1011), "stream_error", "closed with 1011 (internal error)"),
    "close 1013": (lambda ws: ws.close(1013), "stream_error", "closed with 1013 (try again later)"),
    "close 4000": (lambda ws: ws.close(4000, b"own"), "stream_error", "closed with 4000: own"),
    "close after content": (
        lambda ws: ws.frame(ws.TOKEN) + ws.close(1011),
        "stream_error",
        "closed with 1011",
    ),
    "close with a code that can't be": (lambda ws: ws.close(1006), "malformed", "close opcode"),
    "close of one byte": (lambda ws: ws.frame(b"x", ws.CLOSE), "malformed", "close frame"),
    "rubbish": (lambda _ws: b"\xff\xfe\xfd" * 50, "malformed", "not a WebSocket frame"),
    "HTTP": (lambda _ws: b"HTTP/1.1 200 OK\r\n\r\nhello", "malformed", "not a WebSocket frame"),
    "unknown opcode": (lambda ws: ws.frame(b"", 5), "malformed", "opcode 5"),
    "reserved bit": (lambda ws: ws.frame(ws.TOKEN, rsv=4), "malformed", "reserved bits"),
    "masked": (lambda _ws: b"\x81\x81\x01\x02\x03\x04\x05", "malformed", "masked"),
    "binary": (lambda ws: ws.frame(ws.TOKEN, ws.BINARY), "malformed", "a binary message where text is due"),
    "continuation of nothing": (lambda ws: ws.frame(b"", ws.CONTINUATION), "malformed", "continuation"),
    "message inside a message": (
        lambda ws: ws.frame(b"{", fin=False) + ws.frame(ws.TOKEN),
        "malformed",
        "inside another",
    ),
    "ping in pieces": (lambda ws: ws.frame(b"", ws.PING, fin=False), "malformed", "ping"),
    "ping of 126 bytes": (lambda ws: ws.frame(b"x" * 126, ws.PING), "malformed", "125 bytes"),
    "ten megabytes": (
        lambda ws: ws.frame(b"x" * 10_000_000),
        "malformed",
        f"a frame of 10000000 bytes, more than {MAX_MESSAGE_BYTES}",
    ),
    "a claim of eight exabytes": (lambda ws: ws.frame(b"x", claims=2**63), "malformed", "a frame of"),
    "a message that never ends": (
        lambda ws: ws.frame(b"{", fin=False) + ws.frame(b"x" * 65536, ws.CONTINUATION, fin=False) * 80,
        "malformed",
        "a message of more than",
    ),
    "empty fragments that never end": (
        lambda ws: ws.frame(b"{", fin=False) + ws.frame(b"", ws.CONTINUATION, fin=False) * 100_000,
        "malformed",
        "a message of more than",
    ),
    "no JSON": (lambda ws: ws.frame(b"hello"), "malformed", "no JSON"),
    "not UTF-8": (lambda ws: ws.frame(b'"\xff\xfe"'), "malformed", "no JSON"),
    "half of a JSON": (lambda ws: ws.frame(ws.TOKEN[:-5]), "malformed", "broken JSON"),
    "an error": (
        lambda ws: ws.frame(b'{"type":"error","message":"Out of luck."}'),
        "stream_error",
        "Out of luck.",
    ),
    "done and nothing else": (lambda ws: ws.frame(ws.DONE), "empty", "no content"),
}
# Thousands of them would take thousands of times their size.
SMALL = [name for name in FAULTS if not name.endswith(("never end", "never ends", "megabytes"))]


def closing(ws, answer):
    """A server that sends this for its first message, and goes."""

    def script(peer):
        ws.accept(peer)
        if ws.read_frame(peer)[0] == ws.TEXT:
            with contextlib.suppress(ConnectionError):  # the client may have seen enough
                peer.send(answer)

    return script


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_lands_in_its_class_and_the_next_call_is_good(serve, dial, talk, ws, name):
    """The user goes on, on a new connection."""
    answer, outcome, detail = FAULTS[name]
    server = serve(closing(ws, answer(ws)), lambda peer: ws.chat(peer, ws.ANSWER))
    connection = dial(server.url)
    record = talk(connection)
    assert record.outcome == outcome
    assert detail in record.detail
    assert record.ended_at_s is not None
    was_kept = connection.is_open
    if was_kept:  # after an error of the server's own, until it goes
        with gevent.Timeout(20):
            while connection.is_open:
                gevent.sleep(0.001)
    record = talk(connection)
    assert (record.outcome, server.connections) == ("success", 2)
    assert record.reconnects == was_kept  # a connection lost in a call has cost a call already


def test_a_connection_that_breaks_is_truncated(serve, dial, talk, ws):
    """A reset in mid-answer is a close without a frame: 1006."""

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        peer.reset()

    seen = ws.Seen()
    record = talk(dial(serve(script).url, watch=seen))
    assert (record.outcome, seen.drops) == ("truncated", [(1006, True)])
    assert "closed with 1006" in record.detail


def test_a_message_that_drips_is_ended_by_the_total_timeout(serve, dial, talk, ws):
    """Bytes keep coming, so nothing is idle; the call ends all the same."""

    def script(peer):
        ws.accept(peer)
        ws.read_frame(peer)
        opcode = ws.PONG
        with contextlib.suppress(ConnectionError):
            while opcode == ws.PONG:
                peer.send(ws.frame(b"", ws.PING))
                opcode, _ = ws.read_frame(peer)

    record = talk(dial(serve(script).url, timeouts=Timeouts(20, 20, 20, 0.2)))
    assert record.outcome == "timeout_total"


REFUSALS = {
    "401": (
        b'HTTP/1.1 401 No\r\ncontent-length: 39\r\n\r\n{"error":{"message":"no","code":"key"}}',
        "http_4xx",
        "no WebSocket: HTTP 401: no (key)",
    ),
    "429": (b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n", "rate_limited", "no WebSocket: HTTP 429"),
    "503 without a length": (b"HTTP/1.1 503 Busy\r\n\r\nlater", "http_5xx", "no WebSocket: HTTP 503: later"),
    "a page": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n<html><title>Hello</title></html>",
        "malformed",
        "no WebSocket: HTTP 200",
    ),
    "redirect": (
        b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n",
        "malformed",
        "no WebSocket: unexpected redirect: HTTP 302 to /login",
    ),
    "wrong accept": (
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        "malformed",
        "don't answer the handshake",
    ),
    "no upgrade": (b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: x\r\n\r\n", "malformed", "handshake"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", "malformed", "not HTTP"),
    "nothing": (b"", "connect", "connection closed before any byte"),
    "half a head": (b"HTTP/1.1 101 Swit", "connect", "inside the response headers"),
    "endless head": (b"HTTP/1.1 101 X\r\n" + b"x-a: b\r\n" * 20_000, "malformed", "larger than the limit"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_upgrade_says_why(serve, dial, talk, ws, name):
    """By its status, or by what came instead; the next call tries again."""
    answer, outcome, detail = REFUSALS[name]

    def refusing(peer):
        ws.read_head(peer)
        with contextlib.suppress(ConnectionError):  # the client may have seen enough
            peer.send(answer)

    seen = ws.Seen()
    connection = dial(serve(refusing, lambda peer: ws.chat(peer, ws.ANSWER)).url, watch=seen)
    record = talk(connection)
    assert record.outcome == outcome
    assert detail in record.detail
    assert seen.open == 0
    assert talk(connection).outcome == "success"


def test_nobody_listens(dial, talk, unused_port):
    """A refused TCP connection is `connect`, as with HTTP."""
    record = talk(dial(f"http://127.0.0.1:{unused_port}"))
    assert record.outcome == "connect"


@pytest.fixture
def unused_port(serve):
    """A port that was open, and is no more."""
    server = serve()
    server.finish()
    return server.port


def test_over_tls(serve, dial, talk, ws, tmp_path):
    """wss:// with a CA of one's own; a stranger's certificate is `tls`."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    answers = [ws.ANSWER, ws.frame(ws.TOKEN) + ws.frame(b"", ws.PING) + ws.frame(ws.DONE)]
    server = serve(lambda peer: ws.chat(peer, *answers), lambda _peer: None, tls=context)
    connection = dial(server.url.replace("https", "wss"), ca_file=str(ca_file))
    records = [talk(connection), talk(connection)]
    assert [record.outcome for record in records] == ["success", "success"]
    assert 0 < records[0].tls_s < records[0].connect_s
    connection.close()
    record = talk(dial(server.url))
    assert record.outcome == "tls"


def test_thousands_of_faults_leave_nothing_behind(serve, dial, talk, ws):
    """No socket, no timer, no memory: what a soak meets in its tenth hour."""
    rounds, warm = 2000, 200
    scripts = [closing(ws, FAULTS[SMALL[i % len(SMALL)]][0](ws)) for i in range(rounds + warm)]
    connection = dial(serve(*scripts).url, ping_s=5.0, watch=(seen := ws.Seen()))

    def fail(times):
        for _ in range(times):
            assert talk(connection).outcome not in ("success", "interrupted", "timeout_total")
            connection.close()

    fail(warm)
    before = Held.now()
    fail(rounds)
    after = Held.now()
    assert after.files <= before.files + 1  # the server's side of the last one
    assert after.objects < before.objects + rounds / 4
    assert after.memory_bytes < before.memory_bytes + 8 * 2**20
    assert seen.open == 0


class Held(NamedTuple):
    """What this process holds."""

    files: int
    objects: int
    memory_bytes: int

    @classmethod
    def now(cls):
        """Once all that can be freed is freed."""
        gc.collect()
        process = psutil.Process()
        return cls(process.num_fds(), len(gc.get_objects()), process.memory_info().rss)
