"""When bytes reached the socket: by the kernel's stamp where there is one, else by when we read them.

A worker that is busy reads late, and would report its own lateness as the target's. Linux stamps each segment
with its arrival (SO_TIMESTAMPNS, socket(7)), on the realtime clock; our times are on the monotonic one.

    time = monotonic now − (realtime now − stamp)

holds unless the realtime clock was set in between, or we lost the core between looking at the two clocks.
Either shows in their difference, which else changes by no more than a clock is slewed: then the clocks are
looked at again, and if they did step, the time of the read is taken.

One read of several segments has the stamp of the last of them.
"""

from __future__ import annotations

import platform
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Final

KERNEL: Final = "kernel"
PROCESS: Final = "process"

# The numbers that socket(7) leaves to each architecture; these agree on them.
_MACHINES: Final = frozenset({"x86_64", "aarch64", "riscv64", "ppc64le", "s390x"})
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("qq")
_ROOM: Final = 64  # of the ancillary data, whose only part is the stamp
_NS: Final = 1e-9
_JITTER_S: Final = 0.0002
_SLEW: Final = 0.0005  # of clock_adjtime(2): 500 µs a second
_TIGHT_S: Final = 0.00005  # both clocks were looked at without a break
_LOOKS: Final = 5
_LONGEST_S: Final = 600.0  # nothing lies that long in a socket that is waited for


class ArrivalClock:
    """Reads sockets, and tells when what it read had arrived. One serves all connections of a process."""

    __slots__ = ("_known_at_s", "_monotonic", "_offset_s", "_real", "steps")

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, real: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        self._real = real
        self._known_at_s = monotonic()
        self._offset_s = real() - self._known_at_s
        self.steps = 0  # of the realtime clock, as far as they were noticed

    def receive(self, sock: Any, buffer: memoryview) -> tuple[int, float]:
        """How many bytes, and when the last of them arrived; raises what the socket raises."""
        count, ancillary, _, _ = sock.recvmsg_into((buffer,), _ROOM)
        # The only part, if there is one: nothing else was asked for.
        if not ancillary or len(ancillary[0][2]) != _TIMESPEC.size:
            return count, self._monotonic()
        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
        return count, self.time_of(seconds + nanoseconds * _NS)

    def time_of(self, stamp_s: float) -> float:
        """A stamp of the realtime clock, made a moment ago, on the monotonic one."""
        now_s, real_s = self._monotonic(), self._real()
        offset_s = real_s - now_s
        allowed_s = _JITTER_S + _SLEW * (now_s - self._known_at_s)
        if not -allowed_s < offset_s - self._offset_s < allowed_s:
            now_s, real_s = self._both_clocks()
            offset_s = real_s - now_s
            if not -allowed_s < offset_s - self._offset_s < allowed_s:
                self.steps += 1
                self._offset_s, self._known_at_s = offset_s, now_s
                return now_s
        self._offset_s, self._known_at_s = offset_s, now_s
        age_s = real_s - stamp_s
        return now_s - age_s if 0 < age_s < _LONGEST_S else now_s

    def _both_clocks(self) -> tuple[float, float]:
        """Monotonic and realtime, looked at with no more than a moment between them, if that can be had."""
        for _ in range(_LOOKS):
            now_s, real_s = self._monotonic(), self._real()
            if self._monotonic() - now_s < _TIGHT_S:
                break
        return now_s, real_s


def stamp_arrivals(sock: Any) -> bool:
    """Have the kernel stamp what this socket receives; False where it can't."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def arrival_clock_name() -> str:
    """Which clock tells when bytes arrived on this machine: KERNEL or PROCESS."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        return KERNEL if stamp_arrivals(sock) else PROCESS
