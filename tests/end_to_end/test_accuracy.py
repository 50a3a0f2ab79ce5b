"""Our figures against the truth that the mock logged, for the same streams."""

from __future__ import annotations

import json
import math
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import gevent.pool
import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.http import HttpConnection
from tokenswarm.wire.dialect import DIALECTS, ChatOptions

STREAMS = 200
USERS = 8
MODEL = "mock;ttft=30;itl=10;tokens=8;reasoning=2"
BOUND_MS = 2.0
MOST_ATTEMPTS = 8


def stream_calls(url: str) -> list[CallRecord]:
    """So many streams, over a few connections side by side."""
    endpoint, dialect = Endpoint.build(url), DIALECTS["openai-chat"]
    options = ChatOptions(model=MODEL, stream=True, max_tokens=100)
    records: list[CallRecord] = []

    def user(_: int) -> None:
        connection = HttpConnection(endpoint)
        for n in range(STREAMS // USERS):
            record = CallRecord(time.monotonic())
            record.stream = True
            records.append(call(connection, dialect, dialect.encode(f"Prompt {n}", options), record))
        connection.close()

    gevent.pool.Pool(USERS).map(user, range(USERS))
    return records


def median_errors_ms(records: list[CallRecord], truths: dict[str, Any]) -> dict[str, float]:
    """How far our figures are from the truth of the same streams."""
    errors_ms: dict[str, list[float]] = {name: [] for name in ("ttft", "ttfo", "tpot", "icl", "latency")}
    for record in records:
        truth = truths[record.response_id]
        chunks = truth["chunks_ms"]
        true_ms = {
            "ttft": truth["ttft_ms"],
            "ttfo": truth["ttfo_ms"],
            "tpot": (chunks[-1] - chunks[0]) / (truth["output_tokens"] - 1),
            "latency": truth["total_ms"],
        }
        for name, value_ms in true_ms.items():
            measured_s = getattr(record, f"{name}_s")
            assert measured_s is not None, name
            errors_ms[name].append(abs(measured_s * 1000 - value_ms))
        if len(record.gaps_s) == len(chunks) - 1:
            true_gaps_ms = [later - earlier for earlier, later in pairwise(chunks)]
            errors_ms["icl"] += [
                abs(gap_s * 1000 - true_ms)
                for gap_s, true_ms in zip(record.gaps_s, true_gaps_ms, strict=True)
            ]
    assert len(errors_ms["ttft"]) == STREAMS
    if len(errors_ms["icl"]) < STREAMS:
        # So busy that chunks met in one read on nearly every stream: there are no gaps to compare.
        errors_ms["icl"] = [math.inf]
    return {name: round(median(values), 3) for name, values in errors_ms.items()}


class Noise:
    """How late this process's own timers ran meanwhile: what the machine added to every time in it."""

    def __enter__(self) -> Noise:
        self._lags_s: list[float] = []
        self._probe = gevent.spawn(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.kill()

    def _run(self) -> None:
        while True:
            due_s = time.monotonic() + 0.005
            gevent.sleep(0.005)
            self._lags_s.append(time.monotonic() - due_s)

    @property
    def beyond_usual_ms(self) -> float:
        """Twice the median, less what gevent's timers are late by anyway."""
        return max(0.0, 2000 * median(self._lags_s) - 2.0)


@pytest.mark.end_to_end
def test_the_median_error_of_every_figure_is_within_2_ms(tmp_path: Path) -> None:
    """Of 200 streams of known timing: TTFT, TTFO, TPOT, ICL and latency.

    A busy machine adds to them at times, and a mistake of ours always does: one calm attempt is enough,
    and the bound is wider by what the machine's own noise was at that time.
    """
    found = []
    for attempt in range(MOST_ATTEMPTS):
        log = tmp_path / f"truth-{attempt}.jsonl"
        with MockProcess(MockOptions(truth_log=log)) as mock, Noise() as noise:
            records = stream_calls(mock.url)
        truths = {truth["id"]: truth for truth in map(json.loads, log.read_text().splitlines())}
        assert [record.detail for record in records if not record.is_success] == []
        found.append({**median_errors_ms(records, truths), "allowed": BOUND_MS + noise.beyond_usual_ms})
        if max(found[-1].values()) <= found[-1]["allowed"]:
            break
    print(found)  # noqa: T201 - shown with -s: the figures are worth more than the bound
    assert max(found[-1].values()) <= found[-1]["allowed"], found
