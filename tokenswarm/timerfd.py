"""A Linux timerfd: a file descriptor that becomes readable at an absolute time, true to some 50 µs.

Event loops have timers of about a millisecond; a loop that watches this descriptor like a socket wakes
when it should. Python has os.timerfd_create from 3.13 on only.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

_CLOCK_MONOTONIC: Final = 1  # time.monotonic and perf_counter read the same clock on Linux
_TFD_TIMER_ABSTIME: Final = 1
_TFD_FLAGS: Final = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)

IS_SUPPORTED: Final = sys.platform == "linux"


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timerfd:
    """One timer. Setting it anew also clears an expiry that hasn't been read, so nothing reads it."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._set_time = libc.timerfd_settime
        self.fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _Itimerspec()
        self._spec_ref = ctypes.byref(self._spec)

    def set(self, when_s: float) -> None:
        """Become readable at `when_s` on the monotonic clock; a time that has passed does at once."""
        value = self._spec.value
        seconds = int(when_s)
        value.seconds = seconds
        # All zero would disarm.
        value.nanoseconds = max(1, int((when_s - seconds) * 1e9))
        self._set_time(self.fd, _TFD_TIMER_ABSTIME, self._spec_ref, None)

    def disarm(self) -> None:
        """Not readable until set again."""
        value = self._spec.value
        value.seconds = value.nanoseconds = 0
        self._set_time(self.fd, _TFD_TIMER_ABSTIME, self._spec_ref, None)

    def close(self) -> None:
        """Free the descriptor; whoever watches it must have stopped before."""
        os.close(self.fd)
