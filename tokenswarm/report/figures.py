"""Numbers as people read them in a report."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from tokenswarm.metrics.thresholds import Level, ThresholdResult
from tokenswarm.metrics.units import format_figure

NOTHING = "–"
# from which value on → how many digits behind the point
_PLACES: Final = ((99.95, 0), (9.995, 1), (0.0995, 2))


def whole(value: float | None) -> str:
    """12,345"""
    return NOTHING if value is None else f"{value:,.0f}"


def time_ms(value: float | None) -> str:
    """Milliseconds to three digits or so, without the unit: 0.031, 0.84, 9.12, 87.3, 1,234."""
    if value is None:
        return NOTHING
    places = next((places for least, places in _PLACES if abs(value) >= least), 3 if value else 2)
    return f"{value:,.{places}f}"


def milliseconds(value: float) -> str:
    """The same with its unit: 87.3 ms."""
    return f"{time_ms(value)} ms"


def micro_ms(value: float | None) -> str:
    """Milliseconds to the microsecond where that means something: 0.412, 12.345, 1,234."""
    return f"{value:.3f}" if value is not None and abs(value) < 99.9995 else time_ms(value)


def usd(value: float | None) -> str:
    """$12.40, $0.0312, $0.0000021: three digits at least."""
    if value is None:
        return NOTHING
    if value >= 1 or value == 0:
        return f"${value:,.2f}"
    places = min(12, 2 - math.floor(math.log10(abs(value))))
    return f"${value:.{places}f}"


def ratio(value: float) -> str:
    """3.2×"""
    return f"{value:.1f}×" if value >= 9.95 else f"{value:.2f}×"


def rate(value: float | None) -> str:
    """Per second, without the unit."""
    return time_ms(value)


def plain_rate(value: float) -> str:
    """A planned rate, as a profile would say it: 75, 1,300, 12.5."""
    return f"{value:,.1f}".removesuffix(".0")


def share(value: float | None) -> str:
    """0 %, 0.02 %, 5.1 %, 100 %; never rounded to none or all when it is neither."""
    if value is None:
        return NOTHING
    percent = value * 100
    if percent == 0 or percent == 100:
        return f"{percent:.0f}%"
    if percent < 0.005:
        return "<0.01%"
    if percent > 99.995:
        return ">99.99%"
    near_edge = percent < 1 or percent > 99
    return f"{percent:.2f}%" if near_edge else f"{percent:.1f}%"


def since_start(seconds: float | None) -> str:
    """A time since the run's start: 9.5 s, 1:30, 2:05:00."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def lasted(seconds: float) -> str:
    """A duration: 12 s, 2 min, 2 min 5 s, 1 h 3 min."""
    if seconds < 60:
        return f"{math.floor(seconds * 10 + 0.5) / 10:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else "")
    return " ".join(part for part in parts if part)


def moment(when: str) -> str:
    """A time of ISO 8601, to the second and in UTC whatever zone it is given in: 2026-01-31 12:00:00 UTC."""
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        return when
    zone = " UTC" if at.tzinfo is not None else ""
    return f"{at.astimezone(UTC) if zone else at:%Y-%m-%d %H:%M:%S}{zone}"


def judged_value(result: ThresholdResult) -> str:
    """The value of a threshold line in its own unit."""
    return NOTHING if result.value is None else format_figure(result.value, result.threshold.quantity)


def judged_limit(result: ThresholdResult) -> str:
    """The operator and limit that decided, as their author wrote them: `< 1s`."""
    expression = deciding_level(result).expression
    limit = expression.limit
    text = str(limit) if limit.unit else format_figure(result.limit, result.threshold.quantity)
    return f"{expression.operator} {text}"


def deciding_level(result: ThresholdResult) -> Level:
    """The level whose limit the result names."""
    levels, subject = result.threshold.levels, result.threshold.subject
    return next((level for level in levels if level.limit(subject) == result.limit), levels[0])


def judged_margin(result: ThresholdResult) -> str:
    """Room left, or by how much it is broken; as a share of the limit where there is one."""
    if result.margin is None:
        return NOTHING
    sign = "+" if result.margin >= 0 else "−"
    if result.margin_share is None:
        return f"{sign}{format_figure(abs(result.margin), result.threshold.quantity)}"
    return f"{sign}{abs(result.margin_share) * 100:.0f}%"
