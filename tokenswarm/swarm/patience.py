"""What a user does when the target says "not now": wait as long as it asks, and try the same call again.

A call that was refused is not a new call: `calls` counts it once, `attempts` each time it went out. Users
wait while they are refused, so a closed loop never becomes a storm of retries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tokenswarm.wire.retry_after import retry_after_s

MOST_ATTEMPTS: Final = 6
_FIRST_WAIT_S: Final = 0.5  # where the target doesn't say how long; doubled each time
_LONGEST_WAIT_S: Final = 60.0  # a longer wait would outlast the stage that it is charged to


def wait_s(headers: Iterable[tuple[bytes, bytes]], attempt: int, now_wall_s: float) -> float:
    """Seconds to wait after the attempt of that number, from 1, was refused."""
    asked_s = retry_after_s(headers, now_wall_s)
    if asked_s is None:
        asked_s = _FIRST_WAIT_S * 2 ** (attempt - 1)
    return min(asked_s, _LONGEST_WAIT_S)
