"""A run's measurements → where its answers came from, and which rules told it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tokenswarm.metrics.call import SUCCESS
from tokenswarm.metrics.measurements import ANY_OUTCOME, NO_CACHE, Measurements
from tokenswarm.metrics.series import ANSWERED_BY, GATEWAY_FOUND, RULE_ASKED, RULE_MATCHED
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.report.answers import Answers, OriginRow, RuleRow
from tokenswarm.wire.gateway_finder import NO_MARKS
from tokenswarm.wire.gateway_signals import AUTO, NONE

_MOST_ROWS: Final = 20  # of one group; beyond them the rarest are one row
_MOST_NAMED: Final = 3
_COUNT: Final = Aggregation("count")
_RATE: Final = Aggregation("rate")
_EMBEDDED: Final = "the target is the embedded mock, which speaks as that gateway does"
_FIGURES: Final = {
    "ttft_p50_ms": ("ttft", 50.0),
    "ttft_p95_ms": ("ttft", 95.0),
    "latency_p50_ms": ("latency", 50.0),
    "latency_p95_ms": ("latency", 95.0),
    "latency_p99_ms": ("latency", 99.0),
}


def answers_of(measurements: Measurements, target: Mapping[str, Any]) -> Answers | None:
    """What was measured of it, over all judged stages; None if there is nothing to tell."""
    counts = _sums(measurements)
    gateway, why, doubts = _gateway(counts, target)
    if gateway and target.get("is_embedded_mock"):
        why = _EMBEDDED
    rules = _rules(counts, target)
    origins = tuple(_origins(measurements))
    doubts += [f"a rule of the target never applied: {rule.name}" for rule in rules if _is_wrong(rule)]
    doubts += list(_compression(measurements))
    if not (origins or doubts or any(rule.matched for rule in rules)):
        return None
    return Answers(gateway, why, origins, rules, tuple(doubts))


def _sums(measurements: Measurements) -> Counter[str]:
    """Counts of the whole run, warm-ups included: which rules apply has nothing to do with load."""
    sums: Counter[str] = Counter()
    for _, counts in measurements.all_counted():
        for name, count in counts.items():
            if name.startswith((GATEWAY_FOUND, RULE_ASKED, RULE_MATCHED)):
                sums[name] += int(count)
    return sums


def _gateway(counts: Counter[str], target: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    named = str(target.get("gateway", ""))
    if named not in ("", AUTO):
        return ("" if named == NONE else named), "named in the target", []
    found = [name.split("/", 2)[1:] for name in counts if name.startswith(f"{GATEWAY_FOUND}/")]
    if not found:
        return "", "", []
    gateways = sorted({gateway for gateway, _ in found})
    if len(gateways) > 1:
        return "", "", [f"processes took the gateway for {' and '.join(gateways)}; name it in the target"]
    gateway, why = found[0]
    if gateway == NONE:
        # Nothing known is no doubt, but two that are known are.
        return "", "", [] if why.startswith(NO_MARKS) else [why]
    return gateway, f"found by {why}", []


def _rules(counts: Counter[str], target: Mapping[str, Any]) -> tuple[RuleRow, ...]:
    own = {str(name) for name in target.get("signals") or ()}
    names = [name.partition("/")[2] for name in counts if name.startswith(f"{RULE_ASKED}/")]
    return tuple(
        RuleRow(name, counts[f"{RULE_MATCHED}/{name}"], counts[f"{RULE_ASKED}/{name}"], name in own)
        for name in names
    )


def _is_wrong(rule: RuleRow) -> bool:
    """A user's own rule that was asked and never right; a preset's may just have had no occasion."""
    return rule.is_own and rule.asked > 0 and not rule.matched


def _compression(measurements: Measurements) -> Iterator[str]:
    if measurements.read("compressed_rate", _RATE, Selector()).value == 0:
        yield "gzip was asked for, and no answer came compressed"


def _origins(measurements: Measurements) -> Iterator[OriginRow]:
    caches = _values(measurements, ("cache", "cache_layer"))
    if measurements.read("cache_hit_rate", _RATE, Selector()).value is not None:
        yield from _rows(measurements, "cache", [_cache_row(*labels) for labels in caches])
    for group in ("provider", "model"):
        names = [name for (name,) in _values(measurements, (group,)) if name]
        # One model is the whole run, which has its tables already.
        if len(names) > (1 if group == "model" else 0):
            yield from _rows(measurements, group, [(name, {group: name}) for name in names])


def _values(measurements: Measurements, labels: Sequence[str]) -> list[tuple[str, ...]]:
    """The values that calls have, the commonest first."""
    found: Counter[tuple[str, ...]] = Counter()
    for own, counts in measurements.counted(Selector({"outcome": ANY_OUTCOME})):
        if own.outcome:
            found[tuple(getattr(own, name) for name in labels)] += int(counts.get("calls", 0))
    return [values for values, _ in found.most_common()]


def _cache_row(cache: str, layer: str) -> tuple[str, dict[str, str]]:
    name = f"{cache} ({layer})" if layer else cache or "not told"
    return name, {"cache": cache or NO_CACHE, "cache_layer": layer}


def _rows(
    measurements: Measurements, group: str, named: Sequence[tuple[str, dict[str, str]]]
) -> Iterator[OriginRow]:
    counts = [_count(measurements, "requests", Selector(labels)) for _, labels in named]
    whole = sum(counts)
    shown = len(named) if len(named) <= _MOST_ROWS else _MOST_ROWS - 1
    for (name, labels), count in zip(named[:shown], counts[:shown], strict=True):
        if not count:
            continue
        of_row = Selector(labels)
        times = {
            key: _ms(measurements.read(metric, Aggregation("p", percentile), of_row).value)
            for key, (metric, percentile) in _FIGURES.items()
        }
        yield OriginRow(
            group,
            name,
            count,
            count / whole,
            measurements.read("error_rate", _RATE, of_row).value or 0.0,
            **times,
            output_tokens=_count(measurements, "output_tokens", of_row),
            cost=measurements.count("cost", of_row) or None,
            answered_by=_answered_by(measurements, labels) if group == "model" else (),
        )
    if any(counts[shown:]):
        yield _others(measurements, group, [Selector(labels) for _, labels in named[shown:]], whole)


def _others(measurements: Measurements, group: str, rest: Sequence[Selector], whole: int) -> OriginRow:
    """The rarest as one row; percentiles of so many origins together would say nothing."""
    count, failed, tokens = (
        sum(_count(measurements, metric, one) for one in rest)
        for metric in ("requests", "failures", "output_tokens")
    )
    cost = sum(measurements.count("cost", one) for one in rest)
    return OriginRow(
        group,
        f"{len(rest)} others",
        count,
        count / whole,
        failed / count,
        *(None, None, None, None, None),
        output_tokens=tokens,
        cost=cost or None,
    )


def _answered_by(measurements: Measurements, labels: Mapping[str, str]) -> tuple[str, ...]:
    found: Counter[str] = Counter()
    for _, counts in measurements.counted(Selector({**labels, "outcome": SUCCESS})):
        for name, count in counts.items():
            kind, _, model = name.partition("/")
            if kind == ANSWERED_BY:
                found[model] += int(count)
    return tuple(model for model, _ in found.most_common(_MOST_NAMED))


def _count(measurements: Measurements, metric: str, selector: Selector) -> int:
    return int(measurements.read(metric, _COUNT, selector).value or 0)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
