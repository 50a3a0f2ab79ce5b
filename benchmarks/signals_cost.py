"""What reading a gateway's signals costs a call, beside the call's own work: microseconds, in one run.

    python benchmarks/signals_cost.py

Real and written answers of tests/golden/signals are read again and again by their presets. `build` makes the
dictionary of headers, `read` asks the rules; `decode` is what the dialect's decoder needs for the same body,
for comparison. Figures of one machine say little: the ratio to `decode` says more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.said import said_in
from tokenswarm.wire.dialect import DIALECTS
from tokenswarm.wire.gateway_signals import PRESETS
from tokenswarm.wire.signal_reader import SignalReader

ANSWERS = Path(__file__).parents[1] / "tests" / "golden" / "signals"
CASES = (
    ("openai", "openai", False),
    ("nginx-miss", "nginx", False),
    ("litellm-miss", "litellm", False),
    ("litellm-stream-miss", "litellm", True),
    ("bifrost-hit", "bifrost", False),
    ("bifrost-stream-miss", "bifrost", True),
)
ROUNDS = 5
CALLS = 4_000


def record_of(name: str, *, stream: bool) -> CallRecord:
    head, _, body = (ANSWERS / f"{name}.txt").read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    record = CallRecord(0.0)
    record.stream, record.status, record.response_id = stream, 200, "chatcmpl-1"
    record.input_tokens = record.output_tokens = 5
    record.body = bytearray(body)
    record.head = head.replace(b"\n", b"\r\n")
    return record


def best_us(action: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CALLS):
            action()
        best = min(best, time.process_time() - began)
    return best / CALLS * 1e6


def main() -> None:
    print(f"{'answer':<22}{'headers':>8}{'build':>8}{'read':>8}{'decode':>8}{'share':>8}   µs a call")
    for name, preset, stream in CASES:
        record = record_of(name, stream=stream)
        reader = SignalReader(PRESETS[preset].rules)
        body, content_type = bytes(record.body or b""), "text/event-stream" if stream else "application/json"

        def decode(body: bytes = body, content_type: str = content_type) -> None:
            decoder = DIALECTS["openai-chat"].decoder(content_type)
            decoder.feed(body)
            decoder.close()

        if not reader.needs_body:
            record.body = None  # as a run would have it

        build = best_us(lambda record=record: said_in(record))
        both = best_us(lambda record=record, reader=reader: reader.read(said_in(record)))
        own = best_us(decode)
        figures = (build, both - build, own, both / own)
        print(f"{name:<22}{len(record.headers):>8}" + "".join(f"{figure:>8.1f}" for figure in figures))


if __name__ == "__main__":
    main()
