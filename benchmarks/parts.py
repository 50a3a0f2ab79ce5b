"""Where the CPU of a call and of a stream's event goes, part by part: microseconds, medians of some rounds.

    python benchmarks/parts.py [--rounds 7] [--json FILE]

Every part runs by itself, with the bytes of a fixed answer and the objects of a real run; only `send, wait,
receive` uses sockets, bare ones. What a real call takes beyond the sum is the rest of our transport and
Locust's loop around a user's task: benchmarks/bench.py measures the whole.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import gevent
from gevent import socket
from locust.env import Environment

from tokenswarm.metrics.call import CallRecord
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names
from tokenswarm.prompts.corpus import load_corpus
from tokenswarm.prompts.mix import CallKind
from tokenswarm.swarm import locust_log
from tokenswarm.swarm.ended_calls import AT_ONCE
from tokenswarm.swarm.load import Load
from tokenswarm.swarm.locust_rows import Ended, tell_locust
from tokenswarm.swarm.plan import build_plan
from tokenswarm.swarm.sessions import open_session
from tokenswarm.swarm.users import PromptUser
from tokenswarm.transport.answer import Answer
from tokenswarm.transport.response import Response
from tokenswarm.wire.dialect import DIALECTS

TIMES = 2_000  # of a part in a round
USERS = 40
KIND, STREAM = CallKind("short", stream=False, model="mock"), CallKind("short", stream=True, model="mock")
TEXT = "The quick brown fox jumps over the lazy dog, and then it does so again, since nobody told it to stop."
BODY = json.dumps(
    {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "mock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 25, "completion_tokens": 40, "total_tokens": 65},
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%b"
) % (len(BODY), BODY)
HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
)
EVENT = (
    b'data: {"id":"chatcmpl-0123456789","object":"chat.completion.chunk","created":1700000000,"model":"mock",'
    b'"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
)
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
# Answers at once with the bytes that it reads first from its standard input.
SERVER = """
import select, socket
answer = eval(input())
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
print(listener.getsockname()[1], flush=True)
poll, peers = select.epoll(), {}
poll.register(listener, select.EPOLLIN)
while True:
    for fd, _ in poll.poll():
        if fd == listener.fileno():
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peers[peer.fileno()] = peer
            poll.register(peer, select.EPOLLIN)
        elif peers[fd].recv(65536):
            peers[fd].send(answer)
        else:
            peers.pop(fd).close()
"""
Part = Callable[[], object]


class BenchUser(PromptUser):
    """Never started: only its way to tell Locust is measured."""


def a_run() -> tuple[Load, BenchUser]:
    """The objects of one process of a run, for a target that is never called."""
    names = Names(profile="smoke", target="http://127.0.0.1:9", model="mock")
    plan = build_plan(names, scenario="chat", seed=1, places=SearchPath.of(Path.cwd()), environ={})
    locust_log.install()
    environment = Environment(user_classes=[BenchUser])
    environment.create_local_runner()
    session = open_session(environment, lambda: plan)
    session.load = Load(plan, 0, "", load_corpus())
    return session.load, BenchUser(environment)


def ended(load: Load, kind: CallKind) -> CallRecord:
    """A record as a call leaves it, times and counts filled in."""
    now_s = time.monotonic()
    record = load.new_record(kind)
    load.due(record, now_s)
    record.started_at_s = record.sent_at_s = now_s
    record.headers_at_s = record.ended_at_s = now_s + 0.01
    record.status, record.is_reused = 200, True
    record.head = ANSWER.partition(b"\r\n\r\n")[0]
    record.response_id, record.model, record.finish_reason = "chatcmpl-0123456789", "mock", "stop"
    record.input_tokens, record.output_tokens, record.output_chars = 25, 40, len(TEXT)
    record.content_at_s = [now_s + 0.01 * n for n in range(64 if kind.stream else 1)]
    record.first_output_at_s = record.content_at_s[0]
    record.chunks = len(record.content_at_s)
    record.bytes_sent, record.bytes_received = 400, len(ANSWER)
    return record


def parts_of_a_call(load: Load, user: BenchUser) -> Iterator[tuple[str, Part]]:
    dialect, response = DIALECTS["openai-chat"], Response(65536, 2**26)
    yield "draw a call, word and encode it, make its record", load.upcoming((KIND.prompt,)).next
    yield "parse HTTP", lambda: (response.reset(), response.feed(ANSWER), response.take_body())

    def decode() -> None:
        decoder, answer = dialect.decoder("application/json"), Answer(CallRecord(0.0))
        answer.take(decoder.feed(BODY), 1.0)
        answer.take(decoder.close(), 1.0)
        answer.judge()

    yield "decode the answer", decode
    made = [ended(load, KIND) for _ in range(TIMES)]
    records = iter(made * 100)
    yield "read signals, record, collect", lambda: load.finish(next(records))
    told = deque[Ended]()

    def tell() -> None:
        told.append((made[0], user))
        if len(told) == AT_ONCE:
            tell_locust(told)

    yield "Locust's own statistics", tell


def parts_of_an_event() -> Iterator[tuple[str, Part]]:
    dialect = DIALECTS["openai-chat"]
    response = Response(65536, 2**26)
    response.feed(HEAD)
    yield "parse HTTP", lambda: (response.feed(CHUNK), response.take_body())
    decoder = dialect.decoder("text/event-stream")
    decoder.feed(EVENT)
    yield "decode", lambda: decoder.feed(EVENT)
    record = CallRecord(0.0)
    answer, events = Answer(record), decoder.feed(EVENT)
    yield "fold into the record", lambda: answer.take(events, 1.0)


def fold_us(load: Load, kind: CallKind) -> float:
    """What making histograms of what was recorded costs a call, 1,000 calls at a time as in a busy second."""
    load.collector.drain()
    for record in [ended(load, kind) for _ in range(1000)]:
        load.collector.record(record)
    began = time.process_time()
    load.collector.drain().to_wire()
    return (time.process_time() - began) * 1000


def cost_us(part: Part) -> float:
    began = time.process_time()
    for _ in range(TIMES):
        part()
    return (time.process_time() - began) / TIMES * 1e6


@contextmanager
def echo_server() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=-1, stdout=-1, text=True) as server:
        try:
            print(ANSWER, file=server.stdin, flush=True)
            yield int(server.stdout.readline())
        finally:
            server.kill()


def socket_us(port: int) -> float:
    """Send a request, wait, receive its answer, over a bare socket that gevent waits for."""

    def user() -> None:
        request = b"x" * 400
        with socket.create_connection(("127.0.0.1", port)) as sock:
            bare, hub = sock._sock, gevent.get_hub()
            watcher = hub.loop.io(sock.fileno(), 1)
            for _ in range(TIMES // USERS):
                bare.send(request)
                hub.wait(watcher)
                bare.recv(65536)
            watcher.close()

    began = time.process_time()
    gevent.joinall([gevent.spawn(user) for _ in range(USERS)], raise_error=True)
    return (time.process_time() - began) / TIMES * 1e6


def measured(rounds: int) -> dict[str, dict[str, float]]:
    """By what is done, by part: microseconds."""
    load, user = a_run()
    call, event = dict(parts_of_a_call(load, user)), dict(parts_of_an_event())
    found: dict[str, dict[str, list[float]]] = {"a whole call": {}, "an event of a stream": {}}
    with echo_server() as port:
        for _ in range(rounds):
            whole, streamed = found["a whole call"], found["an event of a stream"]
            for name, part in call.items():
                whole.setdefault(name, []).append(cost_us(part))
            whole.setdefault("send, wait, receive (bare)", []).append(socket_us(port))
            whole.setdefault("fold into histograms", []).append(fold_us(load, KIND))
            for name, part in event.items():
                streamed.setdefault(name, []).append(cost_us(part))
            streamed.setdefault("fold into histograms", []).append(fold_us(load, STREAM) / 64)
    load.stop()
    return {what: {name: median(us) for name, us in parts.items()} for what, parts in found.items()}


def main() -> None:
    """Print the table, and JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found = measured(options.rounds)
    for what, parts in found.items():
        print(f"{what}, µs of CPU")
        for name, us in parts.items():
            print(f"  {name:<52}{us:7.2f}")
        print(f"  {'together':<52}{sum(parts.values()):7.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
