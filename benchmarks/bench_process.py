"""Processes that a benchmark measures from outside: where they run, and what they use."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tokenswarm.loopback import free_port

CORES = sorted(os.sched_getaffinity(0))
TARGET_CORE, OWN_CORE = CORES[0], CORES[-1]
STARTS_WITHIN_S = 60.0
NGINX = """
worker_processes 1; daemon off; pid {place}/pid; error_log stderr crit;
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_body_buffer_size 64k;
    client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
    uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
    server {{
        listen 127.0.0.1:{port} backlog=4096; default_type application/json;
        location = /status {{ stub_status; }}
        location / {{ return 200 '{answer}'; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Used:
    """What a process and its children used while `count` things happened, and for how long."""

    count: int
    cpu_s: float
    seconds: float

    @property
    def each_us(self) -> float:
        """CPU of one thing."""
        return self.cpu_s / self.count * 1e6

    @property
    def per_cpu_s(self) -> float:
        """Things per second of CPU: what a core of its own would do."""
        return self.count / self.cpu_s


class Process:
    """A command on a core of its own; killed with all its children at the end of the block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: pin(OWN_CORE),  # noqa: PLW1509 - no threads here
        )
        self.pid = self._process.pid

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """All that it has printed."""
        self._output.seek(0)
        return self._output.read()

    def wait(self, seconds: float) -> None:
        self._process.wait(seconds)

    def cpu_s(self) -> float:
        """Of itself and of all that it started."""
        mother = psutil.Process(self.pid)
        return sum(sum(one.cpu_times()[:2]) for one in [mother, *mother.children(recursive=True)])

    def used(self, count: Callable[[], int], seconds: float, *, after: int, settle_s: float = 1.0) -> Used:
        """Over so many seconds, from a moment after `after` things have happened on."""
        begun, until_s = count(), time.monotonic() + STARTS_WITHIN_S
        while count() - begun < after:
            if not self.is_running or time.monotonic() > until_s:
                raise RuntimeError(f"it makes no calls: {self.output[-2000:]}")
            time.sleep(0.1)
        time.sleep(settle_s)
        from_s, from_count, from_cpu_s = time.monotonic(), count(), self.cpu_s()
        time.sleep(seconds)
        used = Used(count() - from_count, self.cpu_s() - from_cpu_s, time.monotonic() - from_s)
        if used.count <= 0 or used.cpu_s <= 0:  # a child that ended takes its time with it
            raise RuntimeError(f"it ended, or stopped calling, while it was measured: {self.output[-2000:]}")
        return used


@dataclass(frozen=True, slots=True)
class Nginx:
    """A server that answers every call alike at once, and counts them."""

    url: str

    def calls(self) -> int:
        """All requests so far, those for this figure among them."""
        page = urllib.request.urlopen(f"{self.url}/status", timeout=10).read().decode()
        return int(re.search(r"\n\s*\d+ \d+ (\d+)", page)[1])


@contextmanager
def nginx(answer: bytes) -> Iterator[Nginx]:
    """nginx on a free port, on the target's core."""
    with tempfile.TemporaryDirectory() as place:
        port = free_port()
        config = Path(place) / "nginx.conf"
        config.write_text(NGINX.format(place=place, port=port, answer=answer.decode()))
        # Its master ends with its worker if it is asked to, and else leaves it behind.
        with subprocess.Popen(
            ["nginx", "-p", place, "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: pin(TARGET_CORE),  # noqa: PLW1509 - no threads here
        ) as server:
            target = Nginx(f"http://127.0.0.1:{port}")
            try:
                until_s = time.monotonic() + STARTS_WITHIN_S
                while True:
                    try:
                        target.calls()
                        break
                    except OSError:
                        if time.monotonic() > until_s or server.poll() is not None:
                            raise
                        time.sleep(0.05)
                yield target
            finally:
                server.terminate()


def pin(core: int) -> None:
    """Have this process run on one core."""
    os.sched_setaffinity(0, {core})
