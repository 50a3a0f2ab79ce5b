"""How long Python's garbage collector held this process, and with it every call that was under way."""

from __future__ import annotations

import gc
import time


def spare_what_is_loaded() -> None:
    """Have the collector leave alone whatever there is now: modules, corpus and options stay for good.

    To look at all of it takes 70 ms, again and again while a run goes, and every call under way waits for it.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class GarbageMeter:
    """Times every collection from the collector's own callbacks."""

    def __init__(self) -> None:
        self._pauses_s: list[float] = []
        self._began_s = 0.0
        gc.callbacks.append(self._observe)

    def take(self) -> list[float]:
        """Pauses in seconds since the last take."""
        pauses_s, self._pauses_s = self._pauses_s, []
        return pauses_s

    def stop(self) -> None:
        """Look no more; a second call does nothing."""
        if self._observe in gc.callbacks:
            gc.callbacks.remove(self._observe)

    def _observe(self, phase: str, info: dict[str, int]) -> None:
        del info
        if phase == "start":
            self._began_s = time.monotonic()
        else:
            self._pauses_s.append(time.monotonic() - self._began_s)
