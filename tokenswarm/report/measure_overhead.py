"""A run's measurements → what its gateway adds, where the time goes, and how it changes streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenswarm.metrics.call import GATEWAY, PROVIDER, SUCCESS
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import Aggregation, Reading, Selector
from tokenswarm.metrics.spent import ANSWERED_BY, CALLS, HIT, count_name
from tokenswarm.report.figures import share, time_ms
from tokenswarm.report.overhead import (
    PARTS,
    STREAMS,
    WHOLE_ANSWERS,
    BreakdownRow,
    DistortionRow,
    Figure,
    Overhead,
    OverheadRow,
)

_QUANTILES: Final = tuple(Aggregation("p", percentile) for percentile in (50.0, 95.0, 99.0))
_MEDIAN: Final = _QUANTILES[0]
# by the label `stream`
_KINDS: Final = (("true", STREAMS), ("false", WHOLE_ANSWERS))
# what, kind of calls, and the metric of each way
_ROWS: Final = (
    ("first token", _KINDS[0], {"stamped": "overhead_ttft", "paired": "paired_overhead_ttft"}),
    *(
        (
            "whole call",
            kind,
            {"stamped": "overhead", "paired": "paired_overhead", "self-reported": "reported_overhead"},
        )
        for kind in _KINDS
    ),
)
# what, metric, quantile from 0 to 1 or None for the mean, unit
_DISTORTION: Final = (
    ("first token p50", "ttft", 0.5, "ms"),
    ("first token p95", "ttft", 0.95, "ms"),
    ("inter-chunk latency p99", "icl", 0.99, "ms"),
    ("longest gap p50", "max_gap", 0.5, "ms"),
    ("longest gap p95", "max_gap", 0.95, "ms"),
    ("chunks that came together with another", "burst_ratio", None, "share"),
)
# From here on a difference in bursts or gaps is worth a word.
_MORE_BURSTS: Final = 0.1
_AT_ONCE: Final = 0.95
_LONGER_GAP: Final = 1.5
_LONGER_GAP_MS: Final = 5.0


def overhead_of(measurements: Measurements) -> Overhead | None:
    """What was measured of it, over all judged stages; None if no call succeeded."""
    is_paired = measurements.read("requests", Aggregation("count"), Selector({"arm": PROVIDER})).value
    rows = tuple(_rows(measurements, is_paired=bool(is_paired)))
    breakdown = tuple(_breakdown(measurements))
    if not rows and not breakdown:
        return None
    distortion = tuple(_distortion(measurements)) if is_paired else ()
    floor = measurements.read("overhead", _MEDIAN, Selector({"arm": PROVIDER})).value
    return Overhead(
        rows,
        breakdown,
        distortion,
        _sentence(measurements, distortion),
        sum(row.count for row in breakdown if row.answered_by == "cache"),
        None if floor is None else round(floor * 1000, 6),
    )


def _rows(measurements: Measurements, *, is_paired: bool) -> Iterator[OverheadRow]:
    for what, (stream, calls), ways in _ROWS:
        of_kind = Selector({"stream": stream})
        if not measurements.outcomes(of_kind).get(SUCCESS):
            continue
        for way, metric in ways.items():
            readings = [measurements.read(metric, quantile, of_kind) for quantile in _QUANTILES]
            if all(reading.value is None for reading in readings) and not (way == "paired" and is_paired):
                continue
            p50, p95, p99 = (_figure(reading, has_interval=way == "paired") for reading in readings)
            reason = next((reading.reason for reading in readings if reading.value is None), "")
            yield OverheadRow(
                what, calls, way, max(reading.samples for reading in readings), p50, p95, p99, reason
            )


def _figure(reading: Reading, *, has_interval: bool) -> Figure:
    if not has_interval:
        return Figure(_ms(reading.value))
    return Figure(_ms(reading.value), _ms(reading.low), _ms(reading.high))


def _breakdown(measurements: Measurements) -> Iterator[BreakdownRow]:
    for stream, calls in _KINDS:
        of_kind = Selector({"stream": stream, "outcome": SUCCESS})
        for answered_by in ANSWERED_BY:
            count = measurements.count(count_name(answered_by, CALLS), of_kind)
            if not count:
                continue
            sums = {part: measurements.count(count_name(answered_by, part), of_kind) for part in PARTS}
            parts_ms = {part: round(total / count * 1000, 6) for part, total in sums.items() if total}
            mean_ms = round(sum(sums.values()) / count * 1000, 6)
            yield BreakdownRow(calls, answered_by, int(count), mean_ms, parts_ms)


def _distortion(measurements: Measurements) -> Iterator[DistortionRow]:
    for what, metric, quantile, unit in _DISTORTION:
        values = []
        for arm in (GATEWAY, PROVIDER):
            histogram = _of_streams(measurements, metric, arm)
            value = histogram.mean if quantile is None else histogram.quantile(quantile)
            values.append(value if unit == "share" else _ms(value))
        if any(value is not None for value in values):
            yield DistortionRow(what, unit, *values)


def _of_streams(measurements: Measurements, metric: str, arm: str) -> Histogram:
    """Of successful streams that came from a provider."""
    found = measurements.select(Selector({"stream": "true", "outcome": SUCCESS, "arm": arm}))
    histograms = (series.values.get(metric) for key, series in found if key.labels.cache != HIT)
    return Histogram.merged(one for one in histograms if one is not None)


def _sentence(measurements: Measurements, distortion: tuple[DistortionRow, ...]) -> str:
    """How the gateway changes streams, in words that a person would use."""
    if not distortion:
        return ""
    added = measurements.read("paired_overhead_ttft", _MEDIAN, Selector({"stream": "true"}))
    if added.value is None or added.low is None or added.high is None:
        return f"How the gateway changes streams can't be told: {added.reason}."
    interval = f"95%: {time_ms(added.low * 1000)} to {time_ms(added.high * 1000)} ms"
    if added.low > 0:
        first = f"The gateway holds back the first token by {time_ms(added.value * 1000)} ms ({interval})"
    elif added.high < 0:
        first = (
            f"First tokens come {time_ms(-added.value * 1000)} ms earlier through the gateway ({interval})"
        )
    else:
        first = f"The gateway does not measurably delay the first token ({interval})"
    rows = {row.what: row for row in distortion}
    changes = [*_bursts(rows["chunks that came together with another"]), *_gaps(rows.get("longest gap p50"))]
    then = f"It {' and '.join(changes)}" if changes else "Chunks are passed on as they come"
    return f"{first}. {then}."


def _bursts(row: DistortionRow) -> Iterator[str]:
    if row.gateway is None or row.provider is None or row.gateway - row.provider < _MORE_BURSTS:
        return
    if row.gateway >= _AT_ONCE:
        yield "sends the whole stream at once"
    else:
        together = f"{share(row.gateway)} of chunks came together with another"
        yield f"sends chunks in bursts: {together}, {share(row.provider)} straight from the provider"


def _gaps(row: DistortionRow | None) -> Iterator[str]:
    if row is None or row.gateway is None or row.provider is None:
        return
    if row.gateway > _LONGER_GAP * row.provider and row.gateway - row.provider > _LONGER_GAP_MS:
        yield (
            f"pauses within a stream: the longest gap is {time_ms(row.gateway)} ms at the median,"
            f" {time_ms(row.provider)} ms straight from the provider"
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 6)
