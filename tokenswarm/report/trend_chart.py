"""One figure over many runs as an SVG drawing: dots, levels and changes; readable without a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from markupsafe import Markup, escape

from tokenswarm.report.trend import Course, shown

WIDTH: Final = 420
HEIGHT: Final = 130
_LEFT: Final = 6.0
_PLOT_LEFT: Final = 62.0  # beside the numbers of the axis
_TOP: Final = 14.0
# The least that an axis spans: a share of the highest value, or of shares so much themselves.
_LEAST_SPAN: Final = 0.25
_LEAST_POINTS: Final = 0.01
_BOTTOM: Final = 110.0
_RIGHT: Final = WIDTH - 8.0


def draw(course: Course) -> Markup:
    """The drawing. Runs stand side by side in order: pauses between them say nothing of the target."""
    dots = course.dots
    trusted = [dot.value for dot in dots if dot.run.is_trusted] or [dot.value for dot in dots]
    low, high = min(trusted), max(trusted)
    # What differs by noise must not look like a cliff, however flat all of it is.
    least = _LEAST_POINTS if course.key.is_share else _LEAST_SPAN * abs(high)
    room = max((high - low) * 0.08, (least - (high - low)) / 2) or 1.0
    low, high = (0.0 if low >= 0 and (low < high / 3 or low < room) else low - room), high + room
    if course.key.is_share:
        high = min(high, 1.0) if max(trusted) <= 1.0 else high

    first, last = dots[0].run.at, dots[-1].run.at
    form = "%H:%M" if first.date() == last.date() else "%Y-%m-%d"

    def x(i: int) -> float:
        return round(_PLOT_LEFT + (i + 0.5) * (_RIGHT - _PLOT_LEFT) / len(dots), 1)

    def y(value: float) -> float:
        return round(_BOTTOM - (min(max(value, low), high) - low) / (high - low) * (_BOTTOM - _TOP), 1)

    parts = [
        f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{_BOTTOM}" y2="{_BOTTOM}"/>',
        f'<text x="{_LEFT}" y="10">{_text(shown(course.key, high))}</text>',
        f'<text x="{_LEFT}" y="{_BOTTOM - 4}">{_text(shown(course.key, low))}</text>',
        f'<text x="{_LEFT}" y="{HEIGHT - 4}">{first:{form}}</text>',
        f'<text x="{_RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{last:{form}}</text>',
    ]
    parts += _levels(course, x, y)
    for i, dot in enumerate(dots):
        kind = dot.run.recorded.outcome if dot.run.is_trusted else "untrusted"
        said = f"{dot.run.at:%Y-%m-%d %H:%M}: {dot.text} ({dot.run.recorded.outcome}), {dot.run.name}"
        cx, cy = x(i), y(dot.value)
        shape = (
            f'<circle cx="{cx}" cy="{cy}" r="3.2"/>'
            if dot.run.is_trusted
            else f'<path d="M{cx - 3.5} {cy - 3.5}l7 7m0 -7l-7 7"/>'
        )
        parts.append(f'<g class="dot {_text(kind)}"><title>{_text(said)}</title>{shape}</g>')
    changed = "; ".join(f"{change.text} on {change.run.at:%Y-%m-%d}" for change in course.changes)
    label = (
        f"{course.key} over {len(dots)} runs, now {course.latest.text}. {changed or 'No change of level'}."
    )
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_text(label)}">{"".join(parts)}</svg>'
    )


def _levels(course: Course, x: Callable[[int], float], y: Callable[[float], float]) -> list[str]:
    """The median of each stretch between changes, and a line at each change."""
    if not course.changes:
        return []
    places = {dot.run.file: i for i, dot in enumerate(course.dots)}
    starts = [0, *(places[change.run.file] for change in course.changes), len(course.dots)]
    levels = [course.changes[0].point.before, *(change.point.after for change in course.changes)]
    parts = [
        f'<line class="level" x1="{x(start)}" x2="{x(end - 1)}" y1="{y(level)}" y2="{y(level)}"/>'
        for start, end, level in zip(starts, starts[1:], levels, strict=False)
    ]
    for start, change in zip(starts[1:-1], course.changes, strict=True):
        at = round((x(start - 1) + x(start)) / 2, 1)
        parts.append(
            f'<line class="change {change.grade}" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_BOTTOM}">'
            f"<title>{_text(change.text)}</title></line>"
        )
    return parts


def _text(value: str) -> str:
    return str(escape(value))
