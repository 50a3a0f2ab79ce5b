"""What Ctrl-C and SIGTERM do to a run; that depends on how far it has come.

before Locust      KeyboardInterrupt: everything is cleaned up, and no load was made
held               remembered, for the moment in which a run folder exists and Locust doesn't yet
while Locust runs  the first lets it drain, the second ends it (locust_process.py)
while judging      the first is answered with a line, the second gives up the reports
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

from tokenswarm.voice import say

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """`with Interrupts() as interrupts:` takes both signals until the block ends."""

    def __init__(self) -> None:
        self.count = 0
        self._react: Callable[[], None] = _stop
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """Only count from now on."""
        self._react = lambda: None

    def hand_to(self, react: Callable[[], None]) -> None:
        """Call `react` for each from now on, and for one that was held."""
        self._react = react
        if self.count:
            react()

    def put_off(self) -> None:
        """The load is over: what remains takes a moment, and is worth it."""
        self._react = self._say_that_it_ends

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        self._react()

    def _say_that_it_ends(self) -> None:
        say("\nthe load is over, its verdict comes now; again to do without it")
        self._react = _stop


def _stop() -> None:
    raise KeyboardInterrupt
