"""Series with only what somebody wants of them: who keeps many must not keep all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final

from tokenswarm.metrics.series import Labels, Series, SeriesKey

# Figures depend on how calls went and which way, whatever was asked for.
_KEPT: Final = frozenset({"outcome", "cache", "arm"})


def reduced(
    series: Iterable[tuple[SeriesKey, Series]], metrics: Collection[str], labels: Collection[str] = ()
) -> Iterator[tuple[SeriesKey, Series]]:
    """Each series with the histograms of these metrics, all counts, and no label beyond these.

    Keys may come several times: they are to be added up. Nothing is copied.
    """
    kept = _keeper(labels)
    for key, one in series:
        values = {name: one.values[name] for name in metrics if name in one.values}
        yield SeriesKey(key.interval, key.stage, kept(key.labels)), Series(one.counts, values)


def _keeper(labels: Collection[str]) -> Callable[[Labels], Labels]:
    dropped = {name: "" for name in Labels._fields if name not in _KEPT and name not in labels}
    # Millions of series have a few dozen sets of labels.
    return lru_cache(maxsize=1024)(lambda own: own._replace(**dropped))
