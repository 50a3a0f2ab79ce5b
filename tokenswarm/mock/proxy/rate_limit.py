"""So many calls a second or a minute for each key: fixed windows, so that what is allowed is exactly known.

limit := N "/s" | N "/min"        a window opens with a key's first call
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import Final

from tokenswarm.errors import ConfigurationError

_LIMIT: Final = re.compile(r"([1-9]\d*)/(s|min)")
_SECONDS: Final = {"s": 1.0, "min": 60.0}
_MAX_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one call finds: may it go on, how many are left, and in how many seconds the window ends."""

    is_allowed: bool
    remaining: int
    reset_s: float

    @property
    def retry_after(self) -> int:
        return max(1, ceil(self.reset_s))


class RateLimit:
    """Counts calls by key."""

    def __init__(self, calls: int, window_s: float) -> None:
        self.calls = calls
        self._window_s = window_s
        self._windows: dict[bytes, tuple[float, int]] = {}  # key → (its window's start, calls in it)

    def take(self, key: bytes, now_s: float) -> Allowance:
        start_s, taken = self._windows.get(key, (now_s, 0))
        if now_s >= start_s + self._window_s:
            start_s, taken = now_s, 0
        is_allowed = taken < self.calls
        if key not in self._windows and len(self._windows) >= _MAX_KEYS:
            del self._windows[next(iter(self._windows))]
        taken += is_allowed
        self._windows[key] = (start_s, taken)
        return Allowance(is_allowed, self.calls - taken, start_s + self._window_s - now_s)


def read_rate_limit(text: str | None) -> RateLimit | None:
    """What --rate-limit says."""
    if text is None:
        return None
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"--rate-limit {text}: need N/s or N/min, such as 600/min")
    return RateLimit(int(found[1]), _SECONDS[found[2]])
