"""Locust as a child process: its command line, and how an interruption reaches it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

_WORKERS_MAX_WAIT_S: Final = 60


def locust_command(
    locustfile: Path, run_folder: Path, options: Sequence[str], workers: int | None
) -> list[str]:
    """The command; `workers` None runs users in one process, a number starts that many beside a master."""
    command = [
        sys.executable,
        "-m",
        "locust",
        "--locustfile",
        str(locustfile),
        "--headless",
        "--only-summary",
        "--csv",
        str(run_folder / "locust"),
        "--csv-full-history",
        "--logfile",
        str(run_folder / "run.log"),
        "--run-folder",
        str(run_folder),
        *options,
    ]
    if workers is not None:
        port = str(_free_port())
        command += ["--processes", str(workers), "--expect-workers-max-wait", str(_WORKERS_MAX_WAIT_S)]
        # Locust's port has no authentication: loopback only.
        command += ["--master-bind-host", "127.0.0.1", "--master-host", "127.0.0.1"]
        command += ["--master-bind-port", port, "--master-port", port]
    return command


def shown(command: Sequence[str]) -> str:
    """The command as a person would type it."""
    return shlex.join(["locust" if part == sys.executable else part for part in command]).replace(
        "locust -m locust", "locust", 1
    )


class LocustProcess:
    """A running Locust. The first interruption lets it drain, the second ends it at once.

    It runs in a session of its own, so that Ctrl-C reaches us alone and can't cut calls in flight.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # The command is built above from checked parts; no shell is involved.
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
        self.interruptions = 0

    def wait(self) -> int:
        """Until Locust ends; returns its exit code, negative for a signal."""
        previous = {
            number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            return self._process.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            # Workers of a master that was killed would load the target for ever.
            self._signal_group(signal.SIGKILL)

    def _interrupt(self, number: int, frame: FrameType | None) -> Any:
        del number, frame
        self.interruptions += 1
        if self.interruptions == 1:
            print("\nstopping: calls in flight get a few seconds; again to end at once", file=sys.stderr)  # noqa: T201
            self._process.send_signal(signal.SIGTERM)
        else:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(self._process.pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
