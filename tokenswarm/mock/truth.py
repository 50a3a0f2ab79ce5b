"""The truth log's lines: one for each call that ended, with the times at which it was really written."""

from __future__ import annotations

from time import perf_counter, time
from typing import Any

from tokenswarm.mock.playback import Call, Ending


def truth_of(call: Call, ending: Ending) -> dict[str, Any]:
    """A call at its end; all ms are since its request was read whole."""
    ended_s = perf_counter()
    total_s = ended_s - call.received_s
    handed_s = call.handed_s + [ended_s] * (len(call.chunks_s) - len(call.handed_s))
    chunks_ms = [round((at_s - call.received_s) * 1000, 3) for at_s in call.chunks_s]
    first_output_s = call.first_output_s
    return {
        "id": call.id.decode(),
        "received_at": round(time() - total_s, 6),
        "monotonic_s": round(call.received_s, 6),
        "stream": call.is_stream,
        "status": call.status,
        "ending": ending.value,
        "ttft_ms": chunks_ms[0] if chunks_ms else None,
        "ttfo_ms": None if first_output_s is None else round((first_output_s - call.received_s) * 1000, 3),
        "total_ms": round(total_s * 1000, 3),
        "output_tokens": call.tokens,
        "chunks_ms": chunks_ms,
        "handed_ms": [round((at_s - call.received_s) * 1000, 3) for at_s in handed_s],
    }


def change_entry(event: str, **facts: Any) -> dict[str, Any]:
    """A change while it runs, with its time on both clocks."""
    return {"event": event, "at": round(time(), 6), "monotonic_s": round(perf_counter(), 6), **facts}
