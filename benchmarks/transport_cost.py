"""What a call and a stream event cost the load generator in CPU, beside bare gevent sockets.

Bare sockets send and receive the same bytes and look at nothing: the floor that the system sets. The
least of some rounds counts. Takes half a minute: .venv/bin/python benchmarks/transport_cost.py
"""

from __future__ import annotations

import subprocess
import sys
import time

import gevent
from gevent import socket

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import DIALECTS, ChatOptions

USERS, CALLS, EVENTS, ROUNDS = 40, 200, 200, 4

# A request for a stream gets an event every 10 ms, as from a real model; any other its answer at once.
SERVER = """
import select, socket, sys
whole, head, event, end, events = eval(input())
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(listener.getsockname()[1], flush=True)
poll, peers, left = select.epoll(), {}, {}
poll.register(listener, select.EPOLLIN)
while True:
    for fd, _ in poll.poll(0.01 if left else None):
        if fd == listener.fileno():
            peer, _ = listener.accept()
            peers[peer.fileno()] = peer
            poll.register(peer, select.EPOLLIN)
        elif not (data := peers[fd].recv(65536)):
            peers.pop(fd).close()
        else:
            if is_stream := b'"stream":true' in data: left[fd] = events
            peers[fd].send(head if is_stream else whole)
    for fd in left:
        peers[fd].send(event if left[fd] else end)
    left = {fd: more - 1 for fd, more in left.items() if more}
"""


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HEADERS = b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-header-%d: some value\r\n" % n for n in range(9))
SAID = b'"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"' % (b"word " * 40)
WHOLE = b'{"id":"c-1","model":"m","choices":[{"index":0,%b}],"usage":{"completion_tokens":40}}' % SAID
ANSWER = HEADERS + b"content-length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE)
HEAD = HEADERS + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DATA = b'data: {"id":"c-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,%b}]}\n\n'
EVENT = chunk(DATA % b'"delta":{"content":"word "},"finish_reason":null')
END = chunk(DATA % b'"delta":{},"finish_reason":"stop"' + b"data: [DONE]\n\n") + chunk(b"")
DIALECT = DIALECTS["openai-chat"]
REQUESTS = [DIALECT.encode("word " * 50, ChatOptions("m", stream=s)) for s in (False, True)]


def bare_user(port: int, calls: int, stream: bool) -> None:
    request = Endpoint.build(f"http://127.0.0.1:{port}", key="sk-0123").request_bytes(REQUESTS[stream])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        for _ in range(calls):
            sock.sendall(request)
            while not sock.recv(65536).endswith(END if stream else ANSWER[-20:]):
                ...


def our_user(port: int, calls: int, stream: bool) -> None:
    connection = HttpConnection(Endpoint.build(f"http://127.0.0.1:{port}", key="sk-0123"))
    for _ in range(calls):
        record = CallRecord(time.monotonic())
        record.stream = stream
        call(connection, DIALECT, REQUESTS[stream], record)
        assert record.is_success, record.detail
    connection.close()


def cost_us(user, port: int, calls: int, stream: bool) -> float:
    began_s = time.process_time()
    gevent.joinall([gevent.spawn(user, port, calls, stream) for _ in range(USERS)], raise_error=True)
    return (time.process_time() - began_s) / (USERS * (EVENTS if stream else calls)) * 1e6


if __name__ == "__main__":
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=-1, stdout=-1, text=True) as server:
        print((ANSWER, HEAD, EVENT, END, EVENTS), file=server.stdin, flush=True)
        port = int(server.stdout.readline())
        print(f"CPU of the client in µs, {USERS} users    bare sockets    ours    ours − bare")
        for name, calls, stream in (("a whole call", CALLS, False), ("an event of a stream", 1, True)):
            both = [[cost_us(u, port, calls, stream) for u in (bare_user, our_user)] for _ in range(ROUNDS)]
            bare, ours = map(min, zip(*both, strict=True))
            print(f"{name:38}{bare:12.1f}{ours:8.1f}{ours - bare:15.1f}")
        server.kill()
