"""Ends Locust when the `tokenswarm run` that started it is gone: nobody could stop the load any more.

A parent that was killed says nothing, but the pipe that it holds to our standard input ends with it.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

import gevent
from gevent.socket import wait_read

# Set by launch/locust_process.py, which also makes us the leader of a process group of our own. Without
# it, as when Locust is started by hand, the end of standard input means nothing.
_STOP_WITH_STDIN: Final = "TOKENSWARM_STOP_WITH_STDIN"
_STDIN: Final = 0
# An interrupted drain takes less, unless something hangs.
_QUIT_S: Final = 15.0

logger = logging.getLogger(__name__)


def quit_with_parent(quit_run: Callable[[], None]) -> None:
    """Call `quit_run` once the parent has ended; what then still lives soon after is killed."""
    if os.environ.get(_STOP_WITH_STDIN):
        gevent.spawn(_quit_at_end, quit_run)


def _quit_at_end(quit_run: Callable[[], None]) -> None:
    wait_read(_STDIN)
    while os.read(_STDIN, 4096):
        wait_read(_STDIN)
    logger.error("tokenswarm, which started this run, is gone: stopping")
    # A greenlet could not bound what happens after the hub's end: Locust waits for its workers there.
    signal.signal(signal.SIGALRM, _kill_group)
    signal.setitimer(signal.ITIMER_REAL, _QUIT_S)
    quit_run()


def _kill_group(number: int, frame: FrameType | None) -> None:
    del number, frame
    os.killpg(os.getpgrp(), signal.SIGKILL)
