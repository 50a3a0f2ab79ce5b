"""Whether a threshold's words make sense together: metric, labels, figure, unit. All problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.call import ARMS, CACHE_ARMS, OUTCOMES
from tokenswarm.metrics.catalogue import (
    AGGREGATIONS,
    DEFAULT_AGGREGATION,
    LABELS,
    METRICS,
    OF_STARTS,
    Kind,
    Metric,
)
from tokenswarm.metrics.measurements import ANY_OUTCOME
from tokenswarm.metrics.paired import PAIRED
from tokenswarm.metrics.suggestion import did_you_mean, not_one_of
from tokenswarm.metrics.threshold_grammar import Expression, Subject
from tokenswarm.metrics.units import DRIFT, SHARE, format_number, quantity_of

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("short", "medium", "long"),
    "stream": ("true", "false"),
    "cache": ("hit", "miss", "none"),
    "outcome": (*OUTCOMES, ANY_OUTCOME),
    "arm": ARMS,
    "cache_arm": CACHE_ARMS,
}
# Selecting by these leaves a share with one side only (0% or 100%, whatever the target did), or no pair.
_DECIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "success_rate": ("outcome", "status"),
    "error_rate": ("outcome", "status"),
    "rate_limited_rate": ("outcome", "status"),
    "availability": ("outcome", "status"),
    "cache_hit_rate": ("cache", "cache_layer"),
    # Both arms are in it already, and of those only what they have in common.
    **dict.fromkeys(PAIRED, ("arm", "outcome", "status", "cache", "cache_layer", "cache_arm", "provider")),
}
# They are the generator's own or a connection's, and belong to no call.
_OF_NO_CALL: Final = OF_STARTS | {"generator_lag", "gc_pause", "ws_drops"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a threshold may refer to; None where that isn't known yet, as in an SLO read by itself."""

    stages: Mapping[str, bool] | None = None  # name → is it a warm-up?
    scenario: str | None = None


def check_subject(subject: Subject, around: Surroundings) -> list[str]:
    """What is wrong with the metric and its labels; empty if nothing is."""
    metric = METRICS.get(subject.metric)
    problems: list[str] = []
    if metric is None:
        guess = did_you_mean(subject.metric, METRICS)
        problems.append(f"no metric is called {subject.metric}, allowed: {', '.join(METRICS)}{guess}")
    labels = LABELS if metric is None else _labels_of(metric)
    for name, value in subject.labels:
        if name not in LABELS:
            problems.append(
                f"no label is called {name}, allowed: {', '.join(labels)}{did_you_mean(name, labels)}"
            )
        elif name not in labels:
            problems.append(f"{subject.metric} can't be selected by {name}, allowed: {', '.join(labels)}")
        else:
            problems.extend(f"label {name}: {problem}" for problem in _check_value(name, value, around))
    return problems


def check_expression(expression: Expression, metric: Metric) -> list[str]:
    """What is wrong with asking this of that metric; empty if nothing is."""
    allowed = AGGREGATIONS[metric.kind]
    shown = ", ".join("p(N)" if name == "p" else name for name in allowed)
    aggregation = expression.aggregation
    if aggregation is None:
        if metric.kind not in DEFAULT_AGGREGATION:
            return [f"{expression}: say which figure of {metric.name}, such as p(95); allowed: {shown}"]
        name = DEFAULT_AGGREGATION[metric.kind]
    else:
        name = aggregation.name
    if name not in allowed:
        return [f"{expression}: {metric.name} is a {metric.kind.value} and has no {name}, allowed: {shown}"]
    if metric.kind is Kind.DRIFT and expression.window is not None:
        return [f"{expression}: a drift is of the whole judged time, or of a stage; leave the window out"]
    return [f"{expression}: {problem}" for problem in _check_limit(expression, metric, name)]


def _check_limit(expression: Expression, metric: Metric, aggregation: str) -> Iterator[str]:
    limit, quantity = expression.limit, quantity_of(metric, aggregation)
    what = metric.name if expression.aggregation is None else f"{expression.aggregation} of {metric.name}"
    if limit.unit and limit.unit not in quantity.units:
        units = ", ".join(quantity.units)
        yield f"{what} is {quantity.name}, got {limit}, " + (
            f"allowed units: {units}" if units else "need no unit"
        )
        return
    if quantity is DRIFT and not limit.unit:
        yield f"{what} is a drift, and {limit} says nothing of one: write {limit}%/h"
    elif limit.number < 0 and aggregation != "slope" and metric.kind not in (Kind.DIFFERENCE, Kind.DRIFT):
        yield f"{what} is never negative, got {limit}"
    elif quantity is SHARE and not limit.unit and limit.number >= 1:
        number = format_number(limit.number)
        yield f"{what} is a share, and {number} may mean {number}% or {number} of 1: write {number}% or 100%"
    elif quantity is SHARE and limit.unit and limit.number > 100:
        yield f"{what} is a share and never above 100%, got {limit}"


def _labels_of(metric: Metric) -> tuple[str, ...]:
    if metric.kind is Kind.GAUGE or metric.is_monitored or metric.name in _OF_NO_CALL:
        return ("stage",)
    return tuple(name for name in LABELS if name not in _DECIDES.get(metric.name, ()))


def _check_value(name: str, value: str, around: Surroundings) -> list[str]:
    if name in _VALUES:
        return [] if value in _VALUES[name] else [not_one_of(value, _VALUES[name])]
    check = _CHECKS.get(name)
    return check(value, around) if check else []


def _check_stage(value: str, around: Surroundings) -> list[str]:
    if around.stages is None:
        return []
    judged = [stage for stage, is_warmup in around.stages.items() if not is_warmup]
    if around.stages.get(value):
        return [f"{value} is a warm-up, which is never judged, allowed: {', '.join(judged) or 'none'}"]
    return [] if value in judged else [not_one_of(value, judged)]


def _check_scenario(value: str, around: Surroundings) -> list[str]:
    return [] if around.scenario in (None, value) else [not_one_of(value, [str(around.scenario)])]


def _check_status(value: str, _around: Surroundings) -> list[str]:
    is_status = len(value) == 3 and value.isascii() and value.isdigit() and "100" <= value <= "599"
    return [] if is_status else [f"got {value}, need an HTTP status from 100 to 599"]


_CHECKS: Final[Mapping[str, Callable[[str, Surroundings], list[str]]]] = {
    "stage": _check_stage,
    "scenario": _check_scenario,
    "status": _check_status,
}
