"""Memory of the process that serves the calls, where it runs on this machine and we know it."""

from __future__ import annotations

import os
from typing import Final

import psutil

TARGET_PID: Final = "TOKENSWARM_TARGET_PID"  # set by launch/locust_process.py


class TargetProcess:
    """Reads a process's memory until it ends."""

    def __init__(self, pid: int) -> None:
        self._process: psutil.Process | None = None
        try:
            self._process = psutil.Process(pid)
        except psutil.Error:
            return  # it is gone already: there will be no samples, and calls will fail

    def memory_bytes(self) -> int | None:
        """Resident memory; None once the process can't be read any more."""
        if self._process is None:
            return None
        try:
            return int(self._process.memory_info().rss)
        except psutil.Error:
            self._process = None
            return None


def target_process() -> TargetProcess | None:
    """The process that the environment names."""
    pid = os.environ.get(TARGET_PID, "")
    return TargetProcess(int(pid)) if pid.isdigit() else None
