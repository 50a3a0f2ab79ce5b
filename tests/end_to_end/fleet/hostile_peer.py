"""A peer that sends a master what no worker would; run as a script: hostile_peer.py PORT LOCUSTFILE.

It first sends rubbish as a stranger, then joins as a worker, with a right introduction, and sends what a
broken or forged worker might. At the end it prints how many messages it sent as a worker.
"""

from __future__ import annotations

import math
import sys
import time
from uuid import uuid4

import msgpack
import zmq

from tokenswarm.swarm.introduction import Introduction

DEEP: list = []
for _ in range(500):
    DEEP = [DEEP]
RUBBISH = [
    b"",
    b"\xc1",
    b"GET / HTTP/1.1\r\n\r\n",
    msgpack.dumps(None),
    msgpack.dumps(["client_ready"]),
    msgpack.dumps(["client_ready", {}, "somebody else"]),
    msgpack.dumps([["stats"], {}, "me"]),
    msgpack.dumps({"__datetime__": True, "as_str": "yesterday"}),
    msgpack.dumps(["stats", {"__ObjectId__": True}, "me"]),
    msgpack.dumps(["stats", DEEP, "me"]),
    b"\xdd\xff\xff\xff\xff",  # a list of four billion things, it says
    b"x" * 5_000_000,
]


def row(**changed: object) -> dict:
    """Locust's statistics of nothing."""
    return {
        "name": "n",
        "method": "POST",
        "last_request_timestamp": None,
        "start_time": 1.0,
        "num_requests": 0,
        "num_none_requests": 0,
        "num_failures": 0,
        "total_response_time": 0,
        "max_response_time": 0,
        "min_response_time": None,
        "total_content_length": 0,
        "response_times": {},
        "num_reqs_per_sec": {},
        "num_fail_per_sec": {},
        **changed,
    }


def stats(**changed: object) -> dict:
    """A report that is right but for what is changed."""
    return {
        "stats": [],
        "stats_total": row(name="Aggregated", method=""),
        "errors": {},
        "user_classes_count": {},
        "user_count": 0,
        **changed,
    }


DELTA = {"width_s": 1.0, "series": [], "histograms": b"", "faults": []}
SERIES = {"interval": 0, "stage": "steady", "labels": {}, "counts": {}, "values": []}
AS_WORKER = [
    ("stats", None),
    ("stats", {}),
    ("stats", stats(stats=[row(num_requests="many")])),
    ("stats", stats(stats_total=row(response_times={"a": 1}))),
    ("stats", stats(errors={"e": {"occurrences": math.nan}})),
    ("stats", stats(user_classes_count={"MixedChat": -1})),
    ("stats", stats(tokenswarm_cpu=math.nan)),
    ("stats", stats(tokenswarm_last_call="late")),
    ("stats", stats(tokenswarm_delta="nothing")),
    ("stats", stats(tokenswarm_delta={**DELTA, "width_s": math.nan})),
    ("stats", stats(tokenswarm_delta={**DELTA, "width_s": 1e300})),
    ("stats", stats(tokenswarm_delta={**DELTA, "histograms": "eNoDAAAAAAE="})),
    ("stats", stats(tokenswarm_delta={**DELTA, "series": [{**SERIES, "interval": 10**15}]})),
    ("stats", stats(tokenswarm_delta={**DELTA, "series": [{**SERIES, "stage": "no such"}]})),
    ("stats", stats(tokenswarm_delta={**DELTA, "series": [{**SERIES, "labels": {"provider": "p" * 500}}]})),
    ("stats", stats(tokenswarm_delta={**DELTA, "series": [{**SERIES, "counts": {"calls": math.inf}}]})),
    ("stats", stats(tokenswarm_delta={**DELTA, "series": [{**SERIES, "values": ["latency"] * 9}]})),
    ("heartbeat", None),
    ("heartbeat", {"state": "missing", "current_cpu_usage": 0}),
    ("heartbeat", {"state": ["ready"], "current_cpu_usage": 0}),
    ("heartbeat", {"state": "ready", "current_cpu_usage": "hot"}),
    ("spawning_complete", {"user_count": 1}),
    ("exception", "a text"),
    ("logs", {"worker_id": 1, "logs": {}}),
    ("locustfile", {"version": None}),
    ("no_such_message", None),
    ("tokenswarm_drained", {"calls": -1}),
    ("tokenswarm_unfit", {}),
]


def main(port: str, locustfile: str) -> None:
    """Do it all, and wait for the master's last word."""
    context = zmq.Context()
    stranger = context.socket(zmq.DEALER)
    stranger.connect(f"tcp://127.0.0.1:{port}")
    for data in RUBBISH:
        stranger.send(data)
    stranger.send_multipart([b"three", b"frames"])

    identity = f"hostile_{uuid4().hex}"
    worker = context.socket(zmq.DEALER)
    worker.setsockopt(zmq.IDENTITY, identity.encode())
    worker.connect(f"tcp://127.0.0.1:{port}")

    def send(kind: str, data: object) -> None:
        worker.send(msgpack.dumps((kind, data, identity)))

    send("client_ready", Introduction.own("chat", [locustfile]).to_wire())
    assert msgpack.loads(worker.recv())[0] == "ack"
    until_s = time.monotonic() + 60
    sent = 0
    while time.monotonic() < until_s:
        state = "running" if sent else "ready"
        send("heartbeat", {"state": state, "current_cpu_usage": 0.0, "current_memory_usage": 0})
        while worker.poll(200):
            kind = msgpack.loads(worker.recv(), strict_map_key=False)[0]
            if kind == "spawn" and not sent:
                for message in AS_WORKER:
                    send(*message)
                sent = len(AS_WORKER)
            if kind in ("tokenswarm_drain", "quit"):
                send("tokenswarm_drained", {"calls": 0})
            if kind == "quit":
                print(sent, flush=True)  # noqa: T201 - it is a script
                return
    raise SystemExit("the master never ended the run")


if __name__ == "__main__":
    main(*sys.argv[1:])
