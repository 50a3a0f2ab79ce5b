"""What the embedded mock says about a run: what it received, and whether it could keep its own pace."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from tokenswarm.errors import PreflightError
from tokenswarm.mock.effort import Effort

_P99: Final = 0.99


class Counted(Protocol):
    """What every mock counts."""

    @property
    def received(self) -> int: ...
    @property
    def answered(self) -> int: ...
    @property
    def cut(self) -> int: ...
    @property
    def effort(self) -> Effort: ...


class Counting(Protocol):
    """A mock in a process of its own."""

    @property
    def pid(self) -> int: ...
    def counters(self) -> Counted:
        """Up to now; ConnectionError if it is gone."""


class Witness:
    """Reads the counters now, so that preflight is left out of what it says later.

    `front` is what the calls go to. `behind` are the providers of a gateway: what they were asked is its
    affair, but one that is too slow makes the run as doubtful as a gateway that is.
    """

    def __init__(self, front: Counting, behind: Sequence[Counting] = ()) -> None:
        self._front, self._behind = front, behind
        self._since_s = time.monotonic()
        try:
            self._before = front.counters()
            self._efforts = [mock.counters().effort for mock in behind]
        except ConnectionError as error:
            raise PreflightError(str(error)) from None

    def statement(self) -> dict[str, Any]:
        """For run.json's `mock`; ConnectionError if the mock is gone."""
        before, after = self._before, self._front.counters()
        lasted_s = time.monotonic() - self._since_s
        spent = [(before.effort, after.effort), *self._spent_behind()]
        lags_s = [lag_s for lag_s in (_lag_p99_s(*pair) for pair in spent) if lag_s is not None]
        return {
            "received": after.received - before.received,
            "answered": after.answered - before.answered,
            "cut": after.cut - before.cut,
            "lag_p99_s": max(lags_s, default=None),
            "cpu_share": round(max((now.cpu_s - then.cpu_s) / lasted_s for then, now in spent), 3),
        }

    def _spent_behind(self) -> Iterator[tuple[Effort, Effort]]:
        for mock, before in zip(self._behind, self._efforts, strict=True):
            try:
                after = mock.counters().effort
            except ConnectionError:
                continue  # an action of the profile may have killed it
            # One that was started anew has counted from zero.
            yield (before if after.cpu_s >= before.cpu_s else Effort((), 0.0, 0)), after


def _lag_p99_s(before: Effort, after: Effort) -> float | None:
    lag_s = after.lag_quantile_s(_P99, since=before)
    if lag_s is None or math.isfinite(lag_s):
        return lag_s
    return after.longest_bound_s  # JSON knows no infinity
