"""Tries a target's monitors once before the load: what can't ever work is refused, the rest is said."""

from __future__ import annotations

from contextlib import closing

from tokenswarm.errors import ConfigurationError
from tokenswarm.monitors.log import LogReader
from tokenswarm.monitors.page import PageReader
from tokenswarm.monitors.process import find_processes
from tokenswarm.monitors.reader import MonitorError, Reader
from tokenswarm.monitors.redis import RedisReader
from tokenswarm.monitors.spec import ProcessSpec, Spec


def check_monitors(spec: Spec) -> list[str]:
    """Warnings; ConfigurationError for a process or a file that isn't there.

    A page or a Redis that doesn't answer now may do so later: the load goes on without it until then.
    """
    if spec.process is not None:
        _check_process(spec.process)
    for log in spec.logs:
        try:
            with closing(LogReader(log)) as own:
                own.read()
        except MonitorError as error:
            raise ConfigurationError(
                f"monitor: {log.label}: {error}; name the file that the target writes on this machine"
            ) from None
    remote: list[Reader] = [PageReader(page) for page in spec.pages]
    if spec.redis is not None:
        remote.append(RedisReader(spec.redis))
    warnings = []
    for reader in remote:
        try:
            with closing(reader):
                found = reader.read()
            warnings += [f"monitor: {reader.label}: {note}" for note in found.notes]
        except MonitorError as error:
            warnings.append(f"monitor: {reader.label}: {error}; the run goes on without it until it answers")
    return warnings


def _check_process(process: ProcessSpec) -> None:
    if find_processes(process):
        return
    if process.pid is not None:
        raise ConfigurationError(
            f"monitor: no process {process.pid} runs on this machine; name one that does, in the target's"
            " monitor.process or with --target-pid"
        )
    raise ConfigurationError(
        f"monitor: no process on this machine is called {process.name}: neither a program, nor the script"
        " or module that one runs; `ps -eo pid,args` shows what they are called, and --target-pid takes an id"
    )
