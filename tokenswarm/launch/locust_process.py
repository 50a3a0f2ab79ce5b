"""Locust as a child process: its command line, and how an interruption reaches it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tokenswarm.launch.fleet import Fleet
from tokenswarm.launch.interrupts import Interrupts
from tokenswarm.voice import say

_STOP_WITH_STDIN: Final = "TOKENSWARM_STOP_WITH_STDIN"  # read by swarm/parent.py
_SHOW_CURSOR: Final = "\x1b[?25h\n"


def locust_command(
    locustfile: Path, run_folder: Path, options: Sequence[str], fleet: Fleet | None
) -> list[str]:
    """The command; without a fleet, users run in the one process."""
    return [
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
        *(fleet.options() if fleet is not None else ()),
    ]


def shown(command: Sequence[str]) -> str:
    """The command as a person would type it."""
    return shlex.join(["locust" if part == sys.executable else part for part in command]).replace(
        "locust -m locust", "locust", 1
    )


class LocustProcess:
    """`with LocustProcess(command, interrupts) as locust:` runs Locust, and nothing of it after the block.

    Interrupts are held when the block begins; of those that come, the first lets Locust drain, the second
    ends it at once. It runs in a session of its own, so that Ctrl-C reaches us alone and can't cut calls
    in flight; and it stops when we are gone, however that happens, because its standard input ends then
    (swarm/parent.py).
    """

    def __init__(self, command: Sequence[str], interrupts: Interrupts) -> None:
        self._command = command
        self._environment = {_STOP_WITH_STDIN: "1"}
        self._interrupts = interrupts
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        # The command is built above from checked parts; no shell is involved.
        self._process = subprocess.Popen(  # noqa: S603
            self._command,
            stdin=subprocess.PIPE,
            env={**os.environ, **self._environment},
            start_new_session=True,
        )
        self._interrupts.hand_to(self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupts.put_off()
        # Workers of a master that was killed would load the target for ever.
        self._signal_group(signal.SIGKILL)
        code = self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        if code < 0 and sys.stderr.isatty():
            sys.stderr.write(_SHOW_CURSOR)  # whoever hid it was killed before it could
            sys.stderr.flush()

    def wait(self) -> int:
        """Until Locust ends; returns its exit code, negative for a signal."""
        return self._process.wait()

    def _interrupt(self) -> None:
        if self._interrupts.count == 1:
            say("\nstopping: calls in flight get a few seconds; again to end at once")
            self._process.send_signal(signal.SIGTERM)
        else:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(self._process.pid, number)
