"""Runs the command line as a user does, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tokenswarm.metrics.health_limits import LIMITS

from ..until import until

PROJECT = Path(__file__).parents[2]
LONGEST_S = 120
# A run on a machine without time to spare says INVALID, and is right: such a run is made anew.
MOST_ATTEMPTS = 4
STARVED: Final = [
    LIMITS[name].means
    for name in ("generator_cpu", "generator_lag", "late_rate", "delivered_rate", "users", "mock_lag")
]


@dataclass(frozen=True)
class Outcome:
    """What a finished command left behind."""

    code: int
    out: str
    err: str
    reports: Path

    @property
    def folder(self) -> Path:
        (folder,) = self.reports.iterdir()
        return folder

    @property
    def run(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return facts

    @property
    def said(self) -> str:
        """Standard output with its lines joined: where they are broken depends on the figures in them."""
        return " ".join(self.out.split())

    @property
    def is_starved(self) -> bool:
        """Whether the verdict is INVALID because generator or mock got too little of this machine."""
        return self.code == 111 and "INVALID: " in self.said and any(means in self.said for means in STARVED)

    @property
    def verdict(self) -> dict[str, Any]:
        """Of summary.json."""
        verdict: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())["verdict"]
        return verdict

    def counted(self) -> int:
        """Calls in the measurements, warm-ups and interrupted ones included."""
        lines = (self.folder / "intervals.jsonl").read_text().splitlines()
        return sum(
            int(series["counts"]["calls"])
            for line in lines
            for series in json.loads(line)["series"]
            if "calls" in series["counts"]
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == name]


class Command:
    """A `tokenswarm` that is running."""

    def __init__(
        self,
        *arguments: str,
        reports: Path,
        environ: dict[str, str] | None = None,
        within: tuple[str, ...] = (),
    ) -> None:
        """`within` is a command that runs ours, such as `ip netns exec NAME`."""
        self.reports = reports
        # A file and not a pipe, so that it can be looked at while the command runs.
        self._err = tempfile.NamedTemporaryFile("w+", suffix=".stderr")  # noqa: SIM115 - closed in kill()
        self._process = subprocess.Popen(
            [*within, sys.executable, "-m", "tokenswarm", *arguments],
            cwd=PROJECT,
            # One that is killed leaves its temporary files where the test has its own.
            env={**os.environ, "TMPDIR": str(reports.parent), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._err,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def err(self) -> str:
        return Path(self._err.name).read_text()

    def wait(self) -> Outcome:
        out, _ = self._process.communicate(timeout=LONGEST_S)
        return Outcome(self._process.returncode, out, self.err, self.reports)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def await_measurements(self) -> Path:
        """The run folder, once some calls are in it."""
        self.await_that(lambda: any(file.stat().st_size for file in self.reports.glob("*/samples.jsonl")))
        (folder,) = self.reports.iterdir()
        return folder

    def await_that(self, is_so: Callable[[], bool]) -> None:
        """Poll until it is so, while the command runs."""

        def look() -> bool:
            if is_so():
                return True
            assert self._process.poll() is None, self.err
            return False

        until(look, within_s=LONGEST_S, every_s=0.02, said=lambda: self.err)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        self._err.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts `tokenswarm ARGUMENTS`; what still runs at the end of the test is killed."""
    started: list[Command] = []

    def begin(*arguments: str, **options: Any) -> Command:
        reports = tmp_path / (f"reports-{len(started)}" if started else "reports")
        if arguments[0] in ("run", "quick", "ab") and "--reports" not in arguments:
            arguments = (*arguments, "--reports", str(reports))
        started.append(Command(*arguments, reports=reports, **options))
        return started[-1]

    yield begin
    for command in started:
        command.kill()


@pytest.fixture
def patient_profile(tmp_path: Path) -> str:
    """Three seconds of load whose limits a slow, busy machine meets too."""
    profile = tmp_path / "patient.yaml"
    profile.write_text(
        "stages: [{name: steady, duration: 3s, users: 5}]\n"
        "think_time: 50ms\n"
        "thresholds: {error_rate: '< 1%', latency: 'p(95) < 20s', ttft: 'p(95) < 20s'}\n"
    )
    return str(profile)


@pytest.fixture
def tokenswarm(start: Callable[..., Command]) -> Callable[..., Outcome]:
    """Runs `tokenswarm ARGUMENTS` to its end, and again where the machine starved it.

    `each_time` is called before each attempt, such as to note what a target has counted by then, and
    `meanwhile` with the command that has just been started.
    """

    def run(
        *arguments: str,
        each_time: Callable[[], object] = lambda: None,
        meanwhile: Callable[[Command], object] = lambda _: None,
        **options: Any,
    ) -> Outcome:
        for _ in range(MOST_ATTEMPTS):
            each_time()
            running = start(*arguments, **options)
            meanwhile(running)
            outcome = running.wait()
            if not outcome.is_starved:
                break
        return outcome

    return run
