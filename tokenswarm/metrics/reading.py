"""Figures of what was counted in a histogram or sampled from time to time."""

from __future__ import annotations

from collections.abc import Sequence

from tokenswarm.metrics.catalogue import Metric
from tokenswarm.metrics.drift import read_slope
from tokenswarm.metrics.gauge import Sample
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.source import Aggregation, Reading
from tokenswarm.metrics.units import quantity_of


def of_histogram(histogram: Histogram, aggregation: Aggregation) -> Reading:
    """The figure that an aggregation other than `value`, `rate` and `slope` asks for."""
    if not histogram.count:
        return Reading.absent("no sample")
    value: float | None
    if aggregation.name == "count":
        value = histogram.count
    elif aggregation.name == "avg":
        value = histogram.mean
    elif aggregation.name == "min":
        value = histogram.low
    elif aggregation.name == "max":
        value = histogram.high
    else:
        quantile = aggregation.quantile
        if quantile is None:
            raise ValueError(f"{aggregation} can't be read from a histogram")
        value = histogram.quantile(quantile)
    assert value is not None
    return Reading.exact(value, histogram.count)


def of_samples(samples: Sequence[Sample], aggregation: Aggregation, metric: Metric) -> Reading:
    """The figure of a gauge; `value` is the last sample."""
    if not samples:
        return Reading.absent("no sample was taken")
    if aggregation.name == "slope":
        return read_slope(samples, quantity_of(metric, "slope"))
    if aggregation.name == "value":
        return Reading.exact(samples[-1].value, len(samples))
    histogram = Histogram()
    histogram.fold([sample.value for sample in samples])
    return of_histogram(histogram, aggregation)
