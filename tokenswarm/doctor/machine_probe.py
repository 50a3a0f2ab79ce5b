"""Looks at this machine for what machine.py judges."""

from __future__ import annotations

import importlib.metadata
import re
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from tokenswarm import __version__
from tokenswarm.doctor.machine import PORTS, MachineFacts, PortFact
from tokenswarm.launch.limits import MachineLimits
from tokenswarm.loopback import LOOPBACK
from tokenswarm.runs.machine import describe_machine
from tokenswarm.transport.arrival import stamp_arrivals

_CLOCK_SOURCE: Final = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_PATIENCE_S: Final = 2.0
_STAMPS_BEGIN_S: Final = 0.2
_ROOM: Final = 64


def look_at_machine() -> MachineFacts:
    """Takes a moment; nothing leaves this machine."""
    requirements = _requirements()
    names = (found[0] for line in requirements if (found := _NAME.match(line)))
    return MachineFacts(
        tokenswarm=__version__,
        machine=describe_machine(Path.cwd()),
        requirements=requirements,
        versions={name: _version(name) for name in names},
        limits=MachineLimits.read(),
        ports=look_at_ports(PORTS),
        clock_source=_clock_source(),
        has_kernel_stamps=has_kernel_stamps(),
    )


def look_at_ports(numbers: Iterable[int]) -> list[PortFact]:
    """Whether each can be listened at on loopback, and who has it if not."""
    return [PortFact(number, None if _is_free(number) else _owner(number)) for number in numbers]


def has_kernel_stamps() -> bool:
    """Whether a byte over loopback comes with one; some sandboxes take the option and do nothing."""
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        socket.create_connection(server.getsockname(), _PATIENCE_S) as ours,
        server.accept()[0] as theirs,
    ):
        if not stamp_arrivals(ours):
            return False
        # Where nobody else wants stamps, the kernel begins to make them a moment after it was asked.
        deadline_s = time.monotonic() + _STAMPS_BEGIN_S
        while not _comes_stamped(theirs, ours):
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(_STAMPS_BEGIN_S / 20)
    return True


def _comes_stamped(sender: socket.socket, receiver: socket.socket) -> bool:
    sender.sendall(b"!")
    try:
        _, ancillary, _, _ = receiver.recvmsg(1, _ROOM)
    except OSError:
        return False
    return bool(ancillary)


def _requirements() -> list[str]:
    try:
        return importlib.metadata.requires("tokenswarm") or []
    except importlib.metadata.PackageNotFoundError:
        return []  # run from its source, in an environment that nobody declared


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_free(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return False
    return True


def _owner(number: int) -> str:
    """`python (pid 4712)`; empty where only the superuser may know."""
    try:
        pid = next(
            (
                place.pid
                for place in psutil.net_connections("tcp")
                if place.status == psutil.CONN_LISTEN and place.laddr and place.laddr.port == number
            ),
            None,
        )
        return f"{psutil.Process(pid).name()} (pid {pid})" if pid else ""
    except psutil.Error:
        return ""


def _clock_source() -> str | None:
    try:
        return _CLOCK_SOURCE.read_text(encoding="ascii").strip() or None
    except OSError:
        return None  # not Linux, or hidden from a container
