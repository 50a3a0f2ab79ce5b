"""What 150 held WebSockets cost, and how true their first tokens are, beside websocket-client and HTTP.

Every arm makes the same calls to the same mock, in one process and one thread: 150 users that call, pause
and call again. The truth is the mock's log of when it wrote each call's first content. The peer is
websocket-client's own recv() under gevent, timed when it returns, as a plain Locust user would do it.
Takes a minute: .venv/bin/python benchmarks/websockets.py
"""

from gevent import monkey

monkey.patch_all()  # as in Locust, and for websocket-client

# ruff: noqa: E402 - the patch comes first

import json
import tempfile
import time
from pathlib import Path
from random import Random

import gevent
import websocket

from tokenswarm.metrics.call import CallRecord
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.profile.target import Target
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.transport.speech import speech_of
from tokenswarm.wire.dialect import ChatOptions

USERS, SECONDS, MEAN_PAUSE_S, TOKENS = 150, 10.0, 0.5, 20
OPTIONS = ChatOptions(model="mock", stream=True, max_tokens=500)
PROMPT = "word " * 85


class Arm:
    """One way to make the calls; `calls` gets id and time to first token in s of each, `messages` a count."""

    def __init__(self, name, dialect, url):
        self.name, self.dialect, self.url = name, dialect, url
        self.calls, self.messages, self.failed, self.connects_s = [], 0, 0, []

    def run(self):
        ends_s = time.monotonic() + SECONDS
        before, began_s = time.process_time(), time.monotonic()
        users = [gevent.spawn(self.user, Random(number), ends_s) for number in range(USERS)]
        gevent.joinall(users, raise_error=True)
        self.cpu_s, self.took_s = time.process_time() - before, time.monotonic() - began_s

    def user(self, rng, ends_s):
        gevent.sleep(rng.random())
        endpoint = Endpoint.build(self.url, timeouts=Timeouts(20, 20, 20, 20))
        speech = speech_of(Target(name="mock", url=self.url, dialect=self.dialect, model="mock"), endpoint)
        connection = speech.connect()
        request = speech.encode(PROMPT, OPTIONS, None)
        while time.monotonic() < ends_s:
            record = CallRecord(time.monotonic())
            record.stream = True
            connection.call(request, record)
            self.failed += not record.is_success
            self.messages += record.messages or record.chunks
            self.calls.append((record.response_id, record.ttft_s))
            if record.connect_s is not None:
                self.connects_s.append(record.connect_s)
            gevent.sleep(rng.expovariate(1 / MEAN_PAUSE_S))
        connection.close()


class Peer(Arm):
    """websocket-client by itself."""

    def user(self, rng, ends_s):
        gevent.sleep(rng.random())
        began_s = time.monotonic()
        client = websocket.create_connection(f"{self.url.replace('http', 'ws')}/v1/realtime?model=mock")
        client.recv()
        self.connects_s.append(time.monotonic() - began_s)
        speech = speech_of(
            Target(name="mock", url=self.url, dialect=self.dialect, model="mock"), Endpoint.build(self.url)
        )
        ask = speech.encode(PROMPT, OPTIONS, None).body.decode()
        while time.monotonic() < ends_s:
            client.send(ask)
            sent_s, ttft_s, kind = time.monotonic(), None, ""
            while kind != "response.done":
                said = client.recv()
                at_s = time.monotonic()
                event = json.loads(said)
                kind = event["type"]
                self.messages += 1
                if ttft_s is None and kind.endswith(".delta"):
                    ttft_s = at_s - sent_s
            self.calls.append((event["response"]["id"], ttft_s))
            gevent.sleep(rng.expovariate(1 / MEAN_PAUSE_S))
        client.close()


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main():
    log = Path(tempfile.mkdtemp()) / "truth.jsonl"
    with MockProcess(MockOptions(ttft="50", itl="10", tokens=str(TOKENS), truth_log=log)) as mock:
        arms = [
            Arm("ours, Realtime", "openai-realtime", mock.url),
            Peer("websocket-client", "openai-realtime", mock.url),
            Arm("ours, HTTP stream", "openai-chat", mock.url),
        ]
        for arm in arms:
            before, began_s = mock.counters(), time.monotonic()
            arm.run()
            after = mock.counters()
            arm.mock_cpu = (after.effort.cpu_s - before.effort.cpu_s) / (time.monotonic() - began_s)
            arm.mock_lag_ms = after.effort.lag_quantile_s(0.99, before.effort) * 1000
            assert after.received - before.received == len(arm.calls), "every call is the mock's, too"
    truth = {row["id"]: row["ttft_ms"] for row in map(json.loads, log.read_text().splitlines())}
    print(
        f"{USERS} users for {SECONDS:g} s, pauses of {MEAN_PAUSE_S:g} s on average, {TOKENS} tokens an answer"
    )
    head = (
        "calls/s",
        "msgs/s",
        "failed",
        "µs/msg",
        "cores",
        "err p50",
        "err p99",
        "connect p95",
        "mock cores",
        "lag",
    )
    print(f"{'':20}" + "".join(f"{name:>12}" for name in head))
    rows = []
    for arm in arms:
        errors_ms = [ttft_s * 1000 - truth[id_] for id_, ttft_s in arm.calls if ttft_s is not None]
        row = {
            "calls_per_s": len(arm.calls) / arm.took_s,
            "messages_per_s": arm.messages / arm.took_s,
            "failed": arm.failed,
            "cpu_us_per_message": arm.cpu_s / arm.messages * 1e6,
            "cores": arm.cpu_s / arm.took_s,
            "ttft_error_p50_ms": quantile(errors_ms, 0.5),
            "ttft_error_p99_ms": quantile(errors_ms, 0.99),
            "connect_p95_ms": quantile(arm.connects_s, 0.95) * 1000,
            "mock_cores": arm.mock_cpu,
            "mock_lag_p99_ms": arm.mock_lag_ms,
        }
        rows.append({"arm": arm.name, **row})
        print(f"{arm.name:20}" + "".join(f"{value:12.2f}" for value in row.values()))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
