"""Figures of counters that a target keeps: each sample is by how much one grew since the sample before.

A sample covers the time from the one before it, of the same source, and is spread evenly over that: what
lies in a stage is counted there. The first sample of a source is where counting begins, and covers nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.catalogue import MONITORED_SHARES, Kind, Metric
from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.source import Aggregation, Reading, Span

# A count of less than this share of the time is none: what is missing may be anything.
_LEAST_COVERED: Final = 0.8


@dataclass(frozen=True, slots=True)
class Grown:
    """By how much a counter grew within some stretches of a run, and how much of them is known."""

    by: float
    covered_s: float
    samples: int


def grown(samples: Iterable[Sample], spans: Sequence[Span]) -> Grown:
    """How much of one counter's growth lies in these spans; samples of one source are in order."""
    before_s: dict[str, float] = {}
    by = covered_s = 0.0
    count = 0
    for sample in samples:
        start_s = before_s.get(sample.source)
        before_s[sample.source] = sample.at_s
        if start_s is None or sample.at_s <= start_s:
            continue
        inside_s = sum(max(0.0, min(s.end_s, sample.at_s) - max(s.start_s, start_s)) for s in spans)
        if inside_s > 0:
            by += sample.value * inside_s / (sample.at_s - start_s)
            covered_s += inside_s
            count += 1
    return Grown(round(by, 6), covered_s, count)


def read_monitored(
    metric: Metric, aggregation: Aggregation, samples: Samples, spans: Sequence[Span]
) -> Reading:
    """A counter's growth or rate, or a share of two; absent where no monitor read it twice."""
    if metric.kind is Kind.SHARE:
        part, rest = (grown(samples.of(name), spans) for name in MONITORED_SHARES[metric.name])
        if not part.samples or not rest.samples:
            missing = MONITORED_SHARES[metric.name][1 if part.samples else 0]
            return Reading.absent(f"no monitor read {missing}")
        whole = part.by + rest.by
        if not whole:
            return Reading.absent(f"neither {' nor '.join(MONITORED_SHARES[metric.name])} grew")
        return Reading.exact(part.by / whole, round(whole))
    found = grown(samples.of(metric.name), spans)
    if not found.samples:
        return Reading.absent(f"no monitor read {metric.name} twice in this time")
    lasted_s = sum(span.end_s - span.start_s for span in spans)
    is_count = aggregation.name == "count"
    if is_count and math.isfinite(lasted_s) and found.covered_s < _LEAST_COVERED * lasted_s:
        known = f"{found.covered_s:.1f} of {lasted_s:.1f} s"
        return Reading.absent(f"{metric.name} is known for {known} only", found.samples)
    value = found.by if is_count else found.by / found.covered_s
    return Reading.exact(value, found.samples)
