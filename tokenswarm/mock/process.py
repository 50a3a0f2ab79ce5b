"""A mock gateway as a child process: started, read from, and stopped with the block that holds it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from time import monotonic
from types import TracebackType
from typing import IO, Final, Self

from prometheus_client.parser import text_string_to_metric_families

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.options import LISTENING, MockOptions, arguments_of

START_TIMEOUT_S: Final = 15.0
STOP_TIMEOUT_S: Final = 5.0
_SCRAPE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MockCounters:
    """What a mock has counted so far. `received` = `answered` + both cuts + `in_flight`, exactly."""

    received: int
    answered: int  # to the last byte, whatever the status
    cut_by_client: int
    cut_by_mock: int
    in_flight: int
    by_status: Mapping[int, int]  # of the answered ones
    stream_events: int
    lag: tuple[tuple[float, int], ...]  # (upper bound in s, wake-ups no later than that), the last bound inf
    cpu_s: float
    memory_bytes: int
    websockets_opened: int = 0
    websockets_open: int = 0

    @property
    def cut(self) -> int:
        return self.cut_by_client + self.cut_by_mock

    def lag_quantile_s(self, share: float, since: MockCounters | None = None) -> float | None:
        """An upper bound of the event loop's lag at this quantile; None if nothing was due."""
        before = dict(since.lag) if since is not None else {}
        counts = [(bound_s, count - before.get(bound_s, 0)) for bound_s, count in self.lag]
        total = counts[-1][1] if counts else 0
        if not total:
            return None
        return next(bound_s for bound_s, count in counts if count >= share * total)


def parse_counters(text: str) -> MockCounters:
    """The counters in a mock's /metrics page."""
    single: dict[str, float] = {}
    by_status: dict[int, int] = {}
    cut: dict[str, int] = {}
    lag: list[tuple[float, int]] = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            match sample.name:
                case "tokenswarm_mock_calls_total":
                    status = int(sample.labels["status"])
                    by_status[status] = by_status.get(status, 0) + int(sample.value)
                case "tokenswarm_mock_calls_cut_total":
                    cut[sample.labels["by"]] = int(sample.value)
                case "tokenswarm_mock_loop_lag_seconds_bucket":
                    lag.append((float(sample.labels["le"]), int(sample.value)))
                case name:
                    single[name] = sample.value
    return MockCounters(
        received=int(single["tokenswarm_mock_calls_received_total"]),
        answered=sum(by_status.values()),
        cut_by_client=cut["client"],
        cut_by_mock=cut["mock"],
        in_flight=int(single["tokenswarm_mock_calls_in_flight"]),
        by_status=by_status,
        stream_events=int(single["tokenswarm_mock_stream_events_total"]),
        lag=tuple(lag),
        # Only Linux tells these about itself.
        cpu_s=single.get("process_cpu_seconds_total", 0.0),
        memory_bytes=int(single.get("process_resident_memory_bytes", 0)),
        websockets_opened=int(single.get("tokenswarm_mock_websockets_opened_total", 0)),
        websockets_open=int(single.get("tokenswarm_mock_websockets_open", 0)),
    )


class MockProcess:
    """`with MockProcess(MockOptions(...)) as mock:` runs a mock gateway; `mock.url` is where.

    The child has a session of its own, so that a Ctrl-C in the terminal doesn't reach it before the
    run has drained; and it ends when this process does, however that happens.
    """

    def __init__(self, options: MockOptions | None = None) -> None:
        self._options = replace(options or MockOptions(), stop_with_stdin=True)
        self._child: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        # A file and not a pipe: nobody reads it while the child runs, and a full pipe would block it.
        self._complaints = tempfile.TemporaryFile()
        self._child = subprocess.Popen(  # noqa: S603 — our own interpreter and module, no shell
            [sys.executable, "-m", "tokenswarm.mock", "gateway", *arguments_of(self._options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        try:
            self.url = self._wait_for_url(self._child)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    def counters(self) -> MockCounters:
        """What the mock has counted up to now; ConnectionError if it doesn't answer."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=_SCRAPE_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            return parse_counters(connection.getresponse().read().decode())
        except (OSError, HTTPException) as error:
            raise ConnectionError(f"the mock gateway at {self.url} doesn't answer: {error}") from error
        finally:
            connection.close()

    def _wait_for_url(self, child: subprocess.Popen[bytes]) -> str:
        assert child.stdout is not None
        deadline_s = monotonic() + START_TIMEOUT_S
        said = b""
        while b"\n" not in said:
            left_s = deadline_s - monotonic()
            ready = left_s > 0 and select.select([child.stdout], [], [], left_s)[0]
            data = os.read(child.stdout.fileno(), 4096) if ready else b""
            if not data:
                raise ConfigurationError(f"the mock gateway didn't start: {self._complaint()}")
            said += data
        return said.decode().partition("\n")[0].removeprefix(LISTENING)

    def _complaint(self) -> str:
        assert self._complaints is not None
        self._complaints.seek(0)
        text = self._complaints.read().decode(errors="replace").strip().removeprefix("tokenswarm: ")
        return text or f"it said nothing for {START_TIMEOUT_S:.0f} s"

    def _stop(self) -> None:
        child = self._child
        if child is None or self._complaints is None:
            return
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for stream in (child.stdin, child.stdout, self._complaints):
            if stream is not None:
                stream.close()
