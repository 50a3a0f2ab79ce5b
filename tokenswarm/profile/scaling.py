"""Shrinking time, for a trial of a profile and for tests.

Scaled: durations of stages, times of actions, the calls of stages that count them (one at least is left),
windows (`over`, `for`) and `abort_after` of thresholds, limits on a `count`, of which there are fewer in less
time, and limits by the hour, which grow. Not scaled: rates and users; think time and timeouts, which belong
to a call; other limits and `min_samples`, which say what must be measured: a shrunk run that measured too
little is inconclusive, and should be.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor, isfinite
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.catalogue import METRICS, Metric
from tokenswarm.metrics.threshold_grammar import Window, parse_expression, parse_subject
from tokenswarm.profile.schema import Profile, Stage
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.threshold_lines import Line, Section

_COUNTED: Final = ("1", "s")  # units of what comes in whole numbers: things, and samples of a time


def scale_profile(profile: Profile, time_scale: float) -> Profile:
    """The profile with every duration times `time_scale`."""
    _check(time_scale)
    stages = [_scaled_stage(stage, time_scale) for stage in profile.stages]
    actions = [action.scaled(time_scale) for action in profile.actions]
    thresholds = _scaled_section(profile.thresholds, time_scale)
    return profile.model_copy(update={"stages": stages, "actions": actions, "thresholds": thresholds})


def scale_slo(slo: Slo, time_scale: float) -> Slo:
    """The SLO with the windows of its thresholds times `time_scale`; per-call objectives stay."""
    _check(time_scale)
    return slo.model_copy(update={"thresholds": _scaled_section(slo.thresholds, time_scale)})


def _check(time_scale: float) -> None:
    if not (isfinite(time_scale) and time_scale > 0):
        raise ConfigurationError(f"time scale: got {time_scale:g}, need a number > 0, such as 0.1")


def _scaled(seconds: float, time_scale: float) -> float:
    return max(round(seconds * time_scale, 6), 1e-6)


def _scaled_stage(stage: Stage, time_scale: float) -> Stage:
    if stage.requests is None:
        return stage.model_copy(update={"duration_s": _scaled(stage.duration_s, time_scale)})
    requests = max(1, round(stage.requests * time_scale))
    # In the open model the calls and their rate say how long the stage is; else it is an upper bound.
    duration_s = requests / stage.rate if stage.rate else _scaled(stage.duration_s, time_scale)
    return stage.model_copy(update={"requests": requests, "duration_s": duration_s})


def _scaled_section(section: Section, time_scale: float) -> Section:
    return {
        key: [_scaled_line(line, time_scale, METRICS[parse_subject(key).metric]) for line in lines]
        for key, lines in section.items()
    }


def _scaled_line(line: Line, time_scale: float, metric: Metric) -> Line:
    texts = {"threshold": line.threshold, "slo": line.slo, "sla": line.sla}
    update: dict[str, str | float] = {
        name: _scaled_text(text, time_scale, metric) for name, text in texts.items() if text is not None
    }
    if line.abort_after_s:
        update["abort_after_s"] = _scaled(line.abort_after_s, time_scale)
    return line.model_copy(update=update)


def _whole(number: float, operator: str) -> float:
    """The nearest whole number that asks no more than that; what must come still must, once at least."""
    exact = round(number, 9)
    if operator == "==":  # as many as the scaled stages make
        return max(1, round(exact))
    if operator.startswith("<"):
        return ceil(exact)
    return floor(exact) if operator == ">" else max(1, floor(exact))


def _scaled_text(text: str, time_scale: float, metric: Metric) -> str:
    expression = parse_expression(text)
    window, limit = expression.window, expression.limit
    is_count = expression.aggregation is not None and expression.aggregation.name == "count"
    if window is not None:
        window = Window(window.mode, _scaled(window.duration_s, time_scale))
    elif not limit.unit.endswith("/h") and not is_count:
        return text
    if is_count:
        number = limit.number * time_scale
        is_whole = metric.unit in _COUNTED and limit.number.is_integer()
        scaled = _whole(number, expression.operator) if is_whole and limit.number else number
        limit = replace(limit, number=float(f"{scaled:.6g}"))
    if limit.unit.endswith("/h"):
        # What may come in the whole run is the same, and the run is shorter.
        limit = replace(limit, number=float(f"{limit.number / time_scale:.6g}"))
    return str(replace(expression, limit=limit, window=window))
