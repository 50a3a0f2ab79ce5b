"""Ten thousand bad answers in every dialect: each lands in its class, the user goes on, and nothing leaks."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import psutil
import pytest
from gevent.pool import Pool
from gevent.server import StreamServer

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import DIALECTS, Request

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
PATIENT = Timeouts(60.0, 60.0, 60.0, 60.0)  # never reached; the machine may be busy
SHORT = Timeouts(60.0, 0.2, 60.0, 60.0)
BRIEF = Timeouts(60.0, 60.0, 60.0, 0.3)
WANTED_CALLS = 10_000

Send = Callable[[bytes], None]


@dataclass(frozen=True)
class Speaker:
    """What a dialect's endpoint says: a good answer, where its end begins, and one more piece of content."""

    dialect: str
    head: bytes
    body: bytes
    end: bytes  # the terminal event, or the last byte of a whole body
    piece: bytes

    @property
    def good(self) -> bytes:
        if not self.is_stream:
            return self.head + self.body
        return b"%b%x\r\n%b\r\n0\r\n\r\n" % (self.head, len(self.body), self.body)

    @property
    def is_stream(self) -> bool:
        return DIALECTS[self.dialect].streams

    def with_length(self, length: int, body: bytes | None = None) -> bytes:
        """The answer under a Content-Length, be it true or not."""
        kind = b"text/event-stream" if self.is_stream else b"application/json"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, length)
        return head + (self.body if body is None else body)

    def saying(self, body: bytes) -> bytes:
        """A whole answer with this body."""
        return self.with_length(len(body), body)


def speaker(dialect: str, file: str, end: bytes, piece: bytes) -> Speaker:
    body = (GOLDEN / dialect.replace("-", "_") / file).read_bytes()
    if DIALECTS[dialect].streams:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    else:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return Speaker(dialect, head, body, end, piece)


SPEAKERS = [
    speaker(
        "openai-chat",
        "function_call.sse",
        b"data: [DONE]\n\n",
        b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n',
    ),
    speaker(
        "openai-completions",
        "text.sse",
        b"data: [DONE]\n\n",
        b'data: {"choices":[{"index":0,"text":"x","finish_reason":null}]}\n\n',
    ),
    speaker(
        "openai-responses",
        "function_call.sse",
        b"event: response.completed\n",
        b'data: {"type":"response.output_text.delta","delta":"x"}\n\n',
    ),
    speaker(
        "anthropic-messages",
        "text.sse",
        b"event: message_stop\n",
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\n',
    ),
    speaker("openai-embeddings", "floats.body", b"", b""),
]


@dataclass(frozen=True)
class Bad:
    """A bad answer: how it is sent, and what becomes of the call, streaming or not; None: it can't be so."""

    name: str
    streaming: str
    whole: str | None
    send: Callable[[Speaker, Send], None]
    times: int = 60
    timeouts: Timeouts = PATIENT

    def outcome(self, who: Speaker) -> str | None:
        return self.streaming if who.is_stream else self.whole


def endless(piece: Callable[[Speaker], bytes], pause_s: float) -> Callable[[Speaker, Send], None]:
    """The answer's head, and then this again and again until the client has enough."""

    def go_on(who: Speaker, send: Send) -> None:
        while True:
            send(piece(who))
            gevent.sleep(pause_s)

    return go_on


def stream_without_end(who: Speaker, send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    endless(lambda who: who.piece * 5, 0.005)(who, send)


def event_of_ten_megabytes(_who: Speaker, send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ")
    for _ in range(160):
        send(b"x" * 65_536)


def headers(line: bytes, pause_s: float) -> Callable[[Speaker, Send], None]:
    """A head that has no end."""

    def send_headers(who: Speaker, send: Send) -> None:
        send(b"HTTP/1.1 200 OK\r\n")
        endless(lambda _: line, pause_s)(who, send)

    return send_headers


def saying(body: Callable[[Speaker], bytes]) -> Callable[[Speaker, Send], None]:
    """A whole answer with this body."""
    return lambda who, send: send(who.saying(body(who)))


def before_the_end(more: Callable[[Speaker], bytes]) -> Callable[[Speaker, Send], None]:
    """The stream with this put in before its terminal event."""
    return saying(lambda who: who.body.replace(who.end, more(who) + who.end))


def sending(answer: Callable[[Speaker], bytes]) -> Callable[[Speaker, Send], None]:
    """These bytes, and then the end of the connection."""
    return lambda who, send: send(answer(who))


NO_LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nno"
REDIRECT = b"HTTP/1.1 302 Found\r\nlocation: /in\r\ncontent-length: 0\r\n\r\n"
BROTLI = b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}"
CUT = "truncated", "truncated"
BAD_UTF8 = b'"\xff\xc3"'
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
ERROR_EVENT = b'event: error\ndata: {"error":{"message":"no"}}\n\n'
TWO = "malformed", "malformed"
STREAM = "malformed", None
BAD = [
    Bad("a stream that never ends", "timeout_total", None, stream_without_end, 10, BRIEF),
    Bad("dripping headers", "timeout_first_token", None, headers(b"x: y\r\n", 0.02), 10, SHORT),
    Bad("headers without end", *TWO, headers(b"x-more: " + b"y" * 2000 + b"\r\n", 0)),
    Bad("a header without end", *TWO, headers(b"y" * 2000, 0)),
    Bad("an event of 10 MB", *STREAM, event_of_ten_megabytes, 5),
    Bad("bad UTF-8 in an event", *STREAM, before_the_end(lambda who: who.piece.replace(b'"x"', BAD_UTF8))),
    Bad("bad UTF-8", *TWO, saying(lambda _: b'{"id":"\xff"}')),
    Bad("bad JSON in one event", *STREAM, before_the_end(lambda _: b'data: {"id":\n\n')),
    Bad("bad JSON", *TWO, saying(lambda _: b'{"id":')),
    Bad("an error before the end", "stream_error", None, before_the_end(lambda _: ERROR_EVENT)),
    Bad("two ends", "success", None, saying(lambda who: who.body + who.body)),
    Bad("text after the end", "success", None, saying(lambda who: who.body + b"and more\n\ndata: {\n\n")),
    Bad("no body", "truncated", "malformed", saying(lambda _: b"")),
    Bad("a page", *TWO, saying(lambda _: b"<html><title>Sorry</title></html>")),
    Bad(
        "too great a length",
        "truncated",
        "truncated",
        sending(lambda who: who.with_length(9**9, who.body[:-9])),
    ),
    Bad(
        "too small a length",
        "truncated",
        "malformed",
        sending(lambda who: who.with_length(len(who.body) // 3)),
    ),
    Bad("a length below zero", *TWO, sending(lambda who: who.with_length(-5))),
    Bad("a length that is none", *TWO, sending(lambda _: NO_LENGTH)),
    Bad("a chunk size that is none", *TWO, sending(lambda _: CHUNKED + b"zz\r\n{}\r\n")),
    Bad(
        "an unasked encoding",
        *TWO,
        sending(lambda _: BROTLI),
    ),
    Bad("no HTTP", *TWO, sending(lambda _: b"SSH-2.0-OpenSSH_9.6\r\n")),
    Bad("nothing", *CUT, sending(lambda _: b"")),
    Bad(
        "a redirect",
        *TWO,
        sending(lambda _: REDIRECT),
    ),
    Bad(
        "an error without end",
        "http_5xx",
        "http_5xx",
        endless(lambda _: b"HTTP/1.1 502 Bad\r\n\r\n" + b"x" * 9999, 0),
    ),
]


@dataclass
class Target:
    """A server that answers by path: `/good`, `/N` as the Nth of BAD, `/cut/N` with N bytes of a good one."""

    who: Speaker
    connections: int = 0  # open now
    problems: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = StreamServer(("127.0.0.1", 0), self._serve)
        self.server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def _serve(self, sock: Any, _address: Any) -> None:
        self.connections += 1
        try:
            while True:
                path = self._path_of_next(sock)
                if path is None:
                    return
                if path == "/good":
                    sock.sendall(self.who.good)
                    continue
                self._send_bad(path, sock)
                return
        except OSError:
            pass  # the client had enough
        except BaseException as error:
            self.problems.append(error)
            raise
        finally:
            sock.close()
            self.connections -= 1

    def _send_bad(self, path: str, sock: Any) -> None:
        if path.startswith("/cut/"):
            sock.sendall(self.who.good[: int(path[5:])])
        else:
            BAD[int(path[1:])].send(self.who, sock.sendall)

    @staticmethod
    def _path_of_next(sock: Any) -> str | None:
        data = b""
        while not data.endswith(b"\r\n\r\nask"):
            more = sock.recv(65_536)
            if not more:
                return None
            data += more
        return data.split(b" ", 2)[1].decode()


@dataclass
class User:
    """One user of the target, with a connection for each set of timeouts."""

    who: Speaker
    url: str
    calls: int = 0

    def __post_init__(self) -> None:
        self._connections = {
            timeouts: HttpConnection(Endpoint.build(self.url, timeouts=timeouts))
            for timeouts in (PATIENT, SHORT, BRIEF)
        }

    def ask(self, path: str, timeouts: Timeouts = PATIENT) -> CallRecord:
        connection = self._connections[timeouts]
        record = CallRecord(connection.clock())
        record.stream = self.who.is_stream
        self.calls += 1
        return call(connection, DIALECTS[self.who.dialect], Request(path, b"ask"), record)

    def ask_well(self) -> None:
        """The user goes on: whatever came before, a good answer is a success."""
        record = self.ask("/good")
        assert record.outcome == "success", record.detail

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def suffer_bad(user: User, share: int, shares: int) -> None:
    """This user's part of all bad answers, a good one now and then."""
    for number, bad in enumerate(BAD):
        expected = bad.outcome(user.who)
        if expected is None:
            continue
        for _ in range(share, bad.times, shares):
            record = user.ask(f"/{number}", bad.timeouts)
            assert record.outcome == expected, f"{user.who.dialect}, {bad.name}: {record.detail}"
            assert record.ended_at_s is not None
        user.ask_well()


def suffer_cuts(user: User, share: int, shares: int) -> None:
    """A server that closes after each byte: what came before the end is truncated, whatever it was."""
    who = user.who
    whole = who.good
    end = whole.index(b"\n\n", whole.index(who.end)) + 2 if who.is_stream else len(whole)
    for length in range(share, len(whole), shares):
        record = user.ask(f"/cut/{length}")
        expected = "success" if length >= end else "truncated"
        assert record.outcome == expected, f"{who.dialect}, {length} of {len(whole)} bytes: {record.detail}"
        if length % 40 == 0:
            user.ask_well()


def run(target: Target, suffer: Callable[[User, int, int], None], users: int) -> int:
    """So many of ten users at once, each with a tenth of all; how many calls they made."""
    crowd = [User(target.who, target.url) for _ in range(users)]
    pool = Pool(users)
    try:
        greenlets = [pool.spawn(suffer, user, share, 10) for share, user in enumerate(crowd)]
        gevent.joinall(greenlets, raise_error=True, timeout=300)
        assert all(greenlet.ready() for greenlet in greenlets), "a call hangs"
    finally:
        pool.kill()
        for user in crowd:
            user.close()
    return sum(user.calls for user in crowd)


@pytest.fixture
def targets() -> Iterator[list[Target]]:
    """A server for each dialect."""
    running = [Target(who) for who in SPEAKERS]
    yield running
    for target in running:
        target.server.stop()
        assert target.problems == []


def test_ten_thousand_bad_answers_leave_nothing_behind(targets: list[Target]) -> None:
    """Each in its class; afterwards as many sockets are open as before, and no more memory is in use."""
    process = psutil.Process()

    def suffer_all(users: int) -> int:
        made = sum(run(target, suffer, users) for target in targets for suffer in (suffer_bad, suffer_cuts))
        with gevent.Timeout(60):
            while any(target.connections for target in targets):
                gevent.sleep(0)  # until the servers have noticed that their clients are gone
        gc.collect()
        return made

    suffer_all(users=1)  # what is kept once and for all is there after this
    before = process.num_fds(), len(gc.get_objects()), process.memory_info().rss
    calls = 0
    while calls < WANTED_CALLS:
        calls += suffer_all(users=10)
    after = process.num_fds(), len(gc.get_objects()), process.memory_info().rss
    assert after[0] == before[0]
    assert after[1] < before[1] + 500
    assert after[2] < before[2] + 16 * 2**20  # one kept event of 10 MB in a hundred would show
