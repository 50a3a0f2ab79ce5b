"""The paired arm's answer: how much slower calls through the gateway are than calls past it, in one run."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from tokenswarm.metrics.call import GATEWAY, PROVIDER, SUCCESS
from tokenswarm.metrics.difference import comparable, difference, samples_needed
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Labels
from tokenswarm.metrics.source import Reading
from tokenswarm.metrics.spent import HIT
from tokenswarm.metrics.units import TIME, format_figure

# difference → the time that it is a difference of
PAIRED: Final = {"paired_overhead": "latency", "paired_overhead_ttft": "ttft"}


def paired_difference(parts: Iterable[tuple[Labels, Histogram]], quantile: float) -> Reading:
    """Gateway minus provider, of successful calls that no cache answered; its samples are the smaller arm's.

    `parts` are a time's of both arms. `low` and `high` are the ends of the 95 % interval.
    """
    if not 0 < quantile < 1:
        return Reading.absent("a difference of extremes has no interval; ask for a p(N) between 0 and 100")
    found_in: dict[str, dict[Hashable, list[Histogram]]] = {GATEWAY: {}, PROVIDER: {}}
    for labels, histogram in parts:
        if labels.outcome != SUCCESS or labels.cache == HIT:
            continue
        kinds = found_in.setdefault(labels.arm, {})
        kinds.setdefault((labels.prompt, labels.stream, labels.model), []).append(histogram)
    if not found_in[PROVIDER]:
        return Reading.absent("no call went straight to the provider: it needs `paired:` in the profile")
    arms = {
        arm: {kind: Histogram.merged(parts) for kind, parts in kinds.items()}
        for arm, kinds in found_in.items()
    }
    samples = comparable(arms[GATEWAY], arms[PROVIDER])
    if samples is None:
        direct = sum(histogram.count for histogram in arms[PROVIDER].values())
        return Reading.absent("the arms have no kind of call in common that the cache did not answer", direct)
    smaller, needed = min(sample.size for sample in samples), samples_needed(quantile)
    if smaller < needed:
        return Reading.absent(
            f"a p({quantile * 100:g}) needs {needed} calls in each arm and one has {smaller}: run longer, or"
            " raise paired.share",
            smaller,
        )
    found = difference(*samples, quantile)
    low, high = (format_figure(end, TIME) for end in (found.low, found.high))
    return Reading(
        found.value,
        smaller,
        found.low,
        found.high,
        f"the limit lies inside the 95% interval, {low} to {high}",
    )
