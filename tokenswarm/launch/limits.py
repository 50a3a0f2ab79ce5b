"""Limits of this machine that a run would hit: open files and local ports, checked before any load.

Hit in mid-run they would look like failures of the target.
"""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tokenswarm.errors import ConfigurationError

_PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Interpreter, libraries being loaded, Locust's own sockets, the run folder.
OTHER_FILES: Final = 128
_MANY_PORTS: Final = 0.8
MEND_FILES: Final = "raise the hard limit (ulimit -Hn; in a container --ulimit nofile=65536)"
MEND_PORTS: Final = 'sysctl -w net.ipv4.ip_local_port_range="1024 65535", or load from several machines'


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What this machine allows; None where there is no limit, or it can't be read."""

    open_files_soft: int | None
    open_files_hard: int | None  # of one process
    local_ports: int | None  # to one address and port

    @classmethod
    def read(cls) -> Self:
        """Of this process and this machine."""
        soft, hard = (
            None if limit == resource.RLIM_INFINITY else limit
            for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
        )
        return cls(soft, hard, _local_ports())


def check_limits(
    connections: int, workers: int, *, has_mock: bool, limits: MachineLimits | None = None
) -> list[str]:
    """Warnings; raises the soft limit of open files for this process and its children where that is needed.

    `connections` are those of all workers to one target. The embedded mock holds them all in one process.
    ConfigurationError, with the mend, where the machine can't carry so many.
    """
    limits = limits or MachineLimits.read()
    in_one_process = connections if has_mock else math.ceil(connections / workers)
    _ensure_files(in_one_process, limits, may_spread=not has_mock)
    return _check_ports(connections, limits.local_ports)


def _ensure_files(connections: int, limits: MachineLimits, *, may_spread: bool) -> None:
    needed = connections + OTHER_FILES
    if limits.open_files_soft is None or needed <= limits.open_files_soft:
        return
    if limits.open_files_hard is not None and needed > limits.open_files_hard:
        mend = f"{MEND_FILES}, use fewer users" + (", or more workers" if may_spread else "")
        raise ConfigurationError(
            f"open files: {connections} connections in one process need {needed},"
            f" and this system allows {limits.open_files_hard}; {mend}"
        )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        # No more than needed: some systems refuse a soft limit of infinity even where that is the hard one.
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"open files: {needed} are needed, and the limit of {limits.open_files_soft} can't be raised"
            f" ({error}); {MEND_FILES}, or use fewer users"
        ) from None


def _check_ports(connections: int, ports: int | None) -> list[str]:
    if ports is None or connections <= ports * _MANY_PORTS:
        return []
    have = f"{connections} connections to one address, and this machine has {ports} local ports for them"
    if connections > ports:
        raise ConfigurationError(f"local ports: {have}; {MEND_PORTS}, or use fewer users")
    return [f"local ports: {have}; closed connections keep theirs for a minute: {MEND_PORTS}"]


def _local_ports() -> int | None:
    try:
        low, high = map(int, _PORT_RANGE.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None  # not Linux
    return high - low + 1
