"""What the embedded mock says about a run: what it received, and whether it could keep its own pace."""

from __future__ import annotations

import math
import time
from typing import Any, Final

from tokenswarm.errors import PreflightError
from tokenswarm.mock.process import MockCounters, MockProcess

_P99: Final = 0.99


class Witness:
    """Reads the mock's counters now, so that preflight is left out of what it says later."""

    def __init__(self, mock: MockProcess) -> None:
        self._mock = mock
        self._since_s = time.monotonic()
        try:
            self._before = mock.counters()
        except ConnectionError as error:
            raise PreflightError(str(error)) from None

    def statement(self) -> dict[str, Any]:
        """For run.json's `mock`; ConnectionError if the mock is gone."""
        before, after = self._before, self._mock.counters()
        lasted_s = time.monotonic() - self._since_s
        return {
            "received": after.received - before.received,
            "answered": after.answered - before.answered,
            "cut": after.cut - before.cut,
            "lag_p99_s": _lag_p99_s(before, after),
            "cpu_share": round((after.cpu_s - before.cpu_s) / lasted_s, 3),
        }


def _lag_p99_s(before: MockCounters, after: MockCounters) -> float | None:
    lag_s = after.lag_quantile_s(_P99, since=before)
    if lag_s is None or math.isfinite(lag_s):
        return lag_s
    # JSON knows no infinity: the last bound stands for all that is beyond it.
    return max(bound_s for bound_s, _ in after.lag if math.isfinite(bound_s))
