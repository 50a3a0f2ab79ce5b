"""Samples that figures of a run are made of while it goes: those that are asked for, and not for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tokenswarm.metrics.catalogue import MONITORED_SHARES
from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.measurements import Measurements

# A planned run has 600 of each gauge; of one that goes on for ever the last ones must do.
_MOST: Final = 20_000


class KeptSamples:
    """Keeps samples of some metrics in measurements that are still growing."""

    def __init__(self, metrics: Iterable[str], *kept: Measurements) -> None:
        """A share is made of samples of its counters."""
        self._names = {name for metric in metrics for name in (metric, *MONITORED_SHARES.get(metric, ()))}
        self._kept = kept

    def take(self, sample: Sample) -> None:
        """Keep one, if it is asked for."""
        if sample.name not in self._names:
            return
        for kept in self._kept:
            kept.samples.append(sample)
            if len(kept.samples) > _MOST:
                kept.samples.drop_older_half()
