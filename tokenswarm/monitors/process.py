"""The target's processes on this machine: one, or all of a name, and every child of theirs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tokenswarm.monitors.reader import Found, MonitorError, Point
from tokenswarm.monitors.spec import ProcessSpec

_CGROUPS: Final = Path("/sys/fs/cgroup")
_PROC: Final = Path("/proc")


class ProcessReader:
    """Adds up what the processes use."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.label = spec.label
        self._spec = spec
        self._roots: list[psutil.Process] = []
        self._cores = 1.0
        self._used_s: dict[tuple[int, float], float] = {}  # CPU by process and when that began
        self._last_at_s: float | None = None
        self._has_said_sockets = False

    def read(self) -> Found:
        """What they use now; MonitorError when none is left."""
        if not any(root.is_running() for root in self._roots):
            self._roots = self._find()
            self._cores = cores_of(self._roots[0].pid)
        at_s, found = time.monotonic(), Found()
        used = [one for one in map(_used, with_children(self._roots)) if one is not None]
        if not used:
            raise MonitorError("it has ended, or may not be read")
        cpu_s = self._cpu_since(used)
        if self._last_at_s is not None and at_s > self._last_at_s:
            cores = cpu_s / (at_s - self._last_at_s)
            found.points.append(Point(at_s, "target_cores", round(cores, 4)))
            found.points.append(Point(at_s, "target_cpu", round(cores / self._cores, 4)))
        self._last_at_s = at_s
        found.points.append(Point(at_s, "target_memory", sum(one.memory_bytes for one in used)))
        found.points.append(Point(at_s, "target_threads", sum(one.threads for one in used)))
        sockets = [one.sockets for one in used]
        if None not in sockets:
            found.points.append(Point(at_s, "target_sockets", sum(s or 0 for s in sockets)))
        elif not self._has_said_sockets:
            self._has_said_sockets = True
            found.notes.append("its sockets can't be counted: it is another user's")
        return found

    def unseen(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        self._roots = []

    def _find(self) -> list[psutil.Process]:
        found = find_processes(self._spec)
        if not found:
            is_known = bool(self._used_s)
            raise MonitorError("it has ended" if is_known else "there is no such process")
        return found

    def _cpu_since(self, used: list[_Used]) -> float:
        """CPU seconds since the last reading; of a child that is new, all."""
        before, self._used_s = self._used_s, {one.key: one.cpu_s for one in used}
        return sum(max(0.0, one.cpu_s - before.get(one.key, 0.0)) for one in used)


@dataclass(frozen=True, slots=True)
class _Used:
    """One process; `sockets` None where they may not be counted."""

    key: tuple[int, float]
    cpu_s: float
    memory_bytes: int
    threads: int
    sockets: int | None


def _used(process: psutil.Process) -> _Used | None:
    try:
        with process.oneshot():
            cpu = process.cpu_times()
            return _Used(
                (process.pid, process.create_time()),
                cpu.user + cpu.system,
                process.memory_info().rss,
                process.num_threads(),
                _sockets(process),
            )
    except psutil.Error:
        return None  # it has ended between two looks, or is a zombie


def _sockets(process: psutil.Process) -> int | None:
    """From the links in /proc: asking for connections would parse tables of the whole machine."""
    folder = _PROC / str(process.pid) / "fd"
    if not _PROC.is_dir():
        try:
            return len(process.net_connections(kind="all"))
        except psutil.AccessDenied:
            return None
    try:
        names = os.listdir(folder)  # noqa: PTH208 - ten thousand paths are slower made than names
    except PermissionError:
        return None
    except OSError:
        return 0  # it has ended
    return sum(_is_socket(f"{folder}/{name}") for name in names)


def _is_socket(link: str) -> bool:
    try:
        return os.readlink(link).startswith("socket:")  # noqa: PTH115 - as above
    except OSError:
        return False  # closed meanwhile


def with_children(roots: list[psutil.Process]) -> list[psutil.Process]:
    """The processes and all below them, each once."""
    found: dict[int, psutil.Process] = {}
    for root in roots:
        found.setdefault(root.pid, root)
        try:
            for child in root.children(recursive=True):
                found.setdefault(child.pid, child)
        except psutil.Error:
            continue  # its children, if any are left, are others' now
    return list(found.values())


def find_processes(spec: ProcessSpec) -> list[psutil.Process]:
    """The processes that a spec names, their children left out; empty if there are none."""
    if spec.pid is not None:
        try:
            return [psutil.Process(spec.pid)]
        except psutil.Error:
            return []
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [
        process for process in psutil.process_iter() if process.pid not in own and _is(process, spec.name)
    ]


def _is(process: psutil.Process, name: str) -> bool:
    """Whether a process is called so: itself, the script that it runs, or the module after -m."""
    try:
        if process.name() == name:
            return True
        words = process.cmdline()
    except psutil.Error:
        return False
    return name in _called(words)


def _called(words: list[str]) -> Iterator[str]:
    """Names by which people know a command: `python3 -m uvicorn app`, `/opt/venv/bin/litellm --port 4000`."""
    for i, word in enumerate(words[:1]):
        yield Path(word).name
        rest = words[i + 1 :]
        for j, one in enumerate(rest):
            if one == "-m":
                yield from rest[j + 1 : j + 2]
                return
            if not one.startswith("-"):
                yield Path(one).name
                return


def cores_of(pid: int) -> float:
    """How many cores a process may use: those of its container, if that is limited, else of the machine."""
    try:
        allowed = float(len(os.sched_getaffinity(pid)))
    except (AttributeError, OSError):
        allowed = float(psutil.cpu_count() or 1)
    return min(allowed, _container_limit(pid) or allowed)


def _container_limit(pid: int) -> float | None:
    """Cores of the narrowest control group that it is in (cgroup v2, cpu.max); None if none limits it."""
    try:
        (line,) = (_PROC / str(pid) / "cgroup").read_text().splitlines()
        group = _CGROUPS / line.removeprefix("0::/")
    except (OSError, ValueError):
        return None
    limits = []
    for place in (group, *group.parents):
        if _CGROUPS not in (place, *place.parents):
            break
        try:
            quota, period = (place / "cpu.max").read_text().split()
            limits.append(float(quota) / float(period))
        except (OSError, ValueError):
            continue  # the root group has none, and "max" is no number
    return min(limits, default=None)
