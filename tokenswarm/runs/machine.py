"""What this machine is: enough to tell whether two runs may be compared."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil


def describe_machine(project: Path) -> dict[str, Any]:
    """Plain facts for run.json; a fact that can't be had is None."""
    return {
        "python": platform.python_version(),
        "locust": version("locust"),
        "gevent": version("gevent"),
        "platform": platform.platform(),
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "memory_limit_bytes": _cgroup_memory_limit(),
        "cpu_limit_cores": _cgroup_cpu_limit(),
        "hostname": socket.gethostname(),
        "git_commit": _git_commit(project),
    }


def _cpu_model() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or None


def _cgroup_memory_limit() -> int | None:
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(limit) if limit.isdigit() else None


def _cgroup_cpu_limit() -> float | None:
    """CPU time in a period ÷ the period: how many cores a container may use."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(quota) / int(period) if quota.isdigit() else None


def _git_commit(project: Path) -> str | None:
    """The commit of the directory that the run was started in: as a rule, what is being tested."""
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        # git is found on PATH like the user's own; nothing of the command comes from outside.
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
