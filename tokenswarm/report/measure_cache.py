"""A run's measurements → what its cache answered, how fast, and whether rightly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from tokenswarm.metrics.call import CACHE_ARMS, EXACT, EXPIRED
from tokenswarm.metrics.measurements import ANY_OUTCOME, Measurements
from tokenswarm.metrics.series import HITS_COMPARED, HITS_UNKNOWABLE, POOL_FILLED
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.metrics.spent import HIT
from tokenswarm.profile.cache import Cache
from tokenswarm.report.cache import CacheArmRow, CacheLayerRow, CacheReport, CacheStageRow, SentPromptsRow
from tokenswarm.report.run_lines import RunEvent

_MISS: Final = "miss"
_MISMATCH: Final = "cache_mismatch"
_RATE: Final = Aggregation("rate")
_COUNT: Final = Aggregation("count")
_FIGURES: Final = {
    "min_ms": Aggregation("min"),
    "p50_ms": Aggregation("p", 50.0),
    "p95_ms": Aggregation("p", 95.0),
    "p99_ms": Aggregation("p", 99.0),
    "max_ms": Aggregation("max"),
}
_MOST_LAYERS: Final = 20


def cache_of(measurements: Measurements, cache: Cache | None, sent: RunEvent | None) -> CacheReport | None:
    """What was measured of it; None if nothing was hit, unless the profile is about a cache."""
    layers = tuple(_layers(measurements))
    if cache is None and not any(row.is_hit for row in layers):
        return None
    counts = _sums(measurements)
    arms = tuple(_arms(measurements))
    mismatches = sum(row.mismatches for row in arms)
    prompts = None
    if sent is not None:
        facts = sent.details
        prompts = SentPromptsRow(int(facts["sent"]), int(facts["distinct"]), bool(facts["is_estimate"]))
    return CacheReport(
        hit_rate=measurements.read("cache_hit_rate", _RATE, Selector()).value,
        arms=arms,
        layers=layers,
        stages=tuple(_stages(measurements)),
        prompts=prompts,
        pool=cache.pool if cache is not None else 0,
        filled=counts[POOL_FILLED],
        start=cache.start if cache is not None else "",
        has_expired=any(row.name == EXPIRED for row in arms),
        wants_expired=cache is not None and cache.expired > 0,
        compared=counts[HITS_COMPARED],
        unknowable=counts[HITS_UNKNOWABLE],
        mismatches=mismatches,
    )


def _sums(measurements: Measurements) -> Counter[str]:
    """Counts of the whole run, warm-ups included."""
    sums: Counter[str] = Counter()
    for _, counts in measurements.all_counted():
        for name in (HITS_COMPARED, HITS_UNKNOWABLE, POOL_FILLED):
            sums[name] += int(counts.get(name, 0))
    return sums


def _layers(measurements: Measurements) -> Iterator[CacheLayerRow]:
    calls: Counter[tuple[str, str]] = Counter()
    for labels, counts in measurements.counted(Selector({"outcome": ANY_OUTCOME})):
        if labels.cache and labels.outcome != "interrupted":
            calls[labels.cache, labels.cache_layer] += int(counts.get("calls", 0))
    told = sum(calls.values())
    # Hits first, the commonest of them before the others.
    ranked = sorted(calls.items(), key=lambda one: (one[0][0] != HIT, -one[1]))
    for (cache, layer), count in ranked[:_MOST_LAYERS]:
        own = {"cache": cache, "cache_layer": layer}
        times = {name: _ms(measurements, figure, own) for name, figure in _FIGURES.items()}
        yield CacheLayerRow(f"{cache} {layer}".rstrip(), cache == HIT, count, count / told, **times)


def _arms(measurements: Measurements) -> Iterator[CacheArmRow]:
    for arm in CACHE_ARMS:
        own = {"cache_arm": arm}
        reading = measurements.read("cache_hit_rate", _RATE, Selector(own))
        if reading.value is None:
            continue
        of_hits, of_misses = {**own, "cache": HIT}, {**own, "cache": _MISS}
        yield CacheArmRow(
            arm,
            reading.samples,
            reading.value,
            _ms(measurements, _FIGURES["p50_ms"], of_hits),
            _ms(measurements, _FIGURES["p95_ms"], of_hits),
            _ms(measurements, _FIGURES["p50_ms"], of_misses),
            int(measurements.count("requests", Selector({**own, "outcome": _MISMATCH}))),
        )


def _stages(measurements: Measurements) -> Iterator[CacheStageRow]:
    for stage in measurements.stages:
        of_stage = {"stage": stage.name}
        reading = measurements.read("cache_hit_rate", _RATE, Selector(of_stage))
        if reading.value is not None:
            exact = measurements.read("cache_hit_rate", _RATE, Selector({**of_stage, "cache_arm": EXACT}))
            yield CacheStageRow(stage.name, stage.is_warmup, reading.samples, reading.value, exact.value)


def _ms(measurements: Measurements, figure: Aggregation, labels: Mapping[str, str]) -> float | None:
    seconds = measurements.read("latency", figure, Selector(labels)).value
    return None if seconds is None else round(seconds * 1000, 6)
