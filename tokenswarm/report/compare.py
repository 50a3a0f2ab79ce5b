"""One run against another: every figure's change, and which are regressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tokenswarm.errors import ConfigurationError, ExitCode
from tokenswarm.report.compare_limits import Limits
from tokenswarm.report.comparison import ComparedRow, CompareOutcome, Comparison, Difference
from tokenswarm.report.figure_key import ALL, FEWEST_CALLS, FigureKey
from tokenswarm.report.figures import NOTHING, whole
from tokenswarm.report.percent import percent, signed_percent
from tokenswarm.report.recorded import Figure, Recorded
from tokenswarm.report.sameness import PROFILE, differences_of, unknown_of
from tokenswarm.report.summary import Summary

REGRESSED: Final = "regressed"
HOLDS: Final = "holds"
UNKNOWN: Final = "unknown"
_OPEN: Final = FigureKey("offered_rate")
_CODES: Final = {
    CompareOutcome.REGRESSED: ExitCode.THRESHOLD_FAILED,
    CompareOutcome.HOLDS: ExitCode.PASS,
    CompareOutcome.INDICATIVE: ExitCode.INCONCLUSIVE,
    CompareOutcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}
_ONE_RUN_EACH: Final = (
    "One run each: by how much two runs of one build differ on this machine is in these changes, too."
    " `tokenswarm ab` tells them apart."
)


def refuse_unlike(base: Recorded, current: Recorded) -> None:
    """ConfigurationError, naming what differs, where the runs were not to do the same."""
    unlike = [difference for difference in differences_of(base, current) if difference.what == PROFILE]
    if unlike:
        lines = "\n".join(f"  {difference.sentence}" for difference in unlike)
        raise ConfigurationError(
            f"{base.source} and {current.source} are not runs of the same load:\n{lines}\n"
            "  --anyway compares them all the same, as an indication"
        )


def compare(base: Recorded, current: Recorded, limits: Limits) -> Comparison:
    """Every figure that either has; what differs besides makes it an indication."""
    is_open = _OPEN in base.figures and _OPEN in current.figures
    keys = dict.fromkeys([*base.figures, *current.figures, *limits.named])
    rows = tuple(
        _row(key, base.figures.get(key), current.figures.get(key), limits, is_open=is_open)
        for key in keys
        if key in base.figures or key in current.figures or limits.is_asked(key)
    )
    differences = differences_of(base, current)
    outcome = _outcome(rows, differences, limits)
    code = int(_CODES[outcome])
    notes = [*dict.fromkeys(unknown_of(base, current))]
    if outcome is CompareOutcome.REGRESSED:
        notes.append(_ONE_RUN_EACH)
    return Comparison(
        outcome,
        code,
        f"{outcome.upper()}: {_said(outcome, rows, differences)} (exit {code}).",
        base.source,
        current.source,
        differences,
        tuple(notes),
        rows,
    )


def _row(
    key: FigureKey, base: Figure | None, current: Figure | None, limits: Limits, *, is_open: bool
) -> ComparedRow:
    limit = limits.of(key, is_open=is_open)
    change, change_text = _change(base, current)
    state, reason = _state(key, base, current, limit) if limit is not None else ("", "")
    sign = "+" if key.worse > 0 else "−"
    return ComparedRow(
        key=str(key),
        metric=key.metric,
        figure=key.figure,
        group=key.group,
        name=key.name,
        base=base.value if base is not None else None,
        current=current.value if current is not None else None,
        base_text=base.text if base is not None else NOTHING,
        current_text=current.text if current is not None else NOTHING,
        change=change,
        change_text=change_text,
        limit=limit,
        limit_text=f"{sign}{percent(limit)}" if limit is not None else "",
        state=state,
        reason=reason,
    )


def _change(base: Figure | None, current: Figure | None) -> tuple[float | None, str]:
    if base is None or current is None:
        return None, NOTHING
    if not base.value:
        return (0.0, "0%") if not current.value else (None, "from 0")
    share = current.value / base.value - 1
    return share, signed_percent(share)


def _state(key: FigureKey, base: Figure | None, current: Figure | None, limit: float) -> tuple[str, str]:
    if base is None or current is None:
        both = base is None and current is None
        which = "either run" if both else "the base" if base is None else "the current run"
        return UNKNOWN, f"not measured in {which}"
    calls, needed = min(base.samples, current.samples), FEWEST_CALLS.get(key.figure, 1)
    if calls < needed:
        return UNKNOWN, f"a {key.figure} needs {needed} calls, and one run has {whole(calls)}"
    worse = (current.value - base.value) * key.worse
    # What rounding to nine digits does is no breach of a limit that is met exactly.
    return (REGRESSED if worse > limit * abs(base.value) * (1 + 1e-9) else HOLDS), ""


def _outcome(
    rows: Sequence[ComparedRow], differences: Sequence[Difference], limits: Limits
) -> CompareOutcome:
    states = [row.state for row in rows]
    if REGRESSED in states:
        return CompareOutcome.INDICATIVE if differences else CompareOutcome.REGRESSED
    is_open_question = any(row.state == UNKNOWN and row.key in limits.asked for row in rows)
    if is_open_question or HOLDS not in states:
        return CompareOutcome.INCONCLUSIVE
    return CompareOutcome.HOLDS


def _said(outcome: CompareOutcome, rows: Sequence[ComparedRow], differences: Sequence[Difference]) -> str:
    broken = [
        f"{row.key} {row.change_text} ({row.base_text} → {row.current_text}, limit {row.limit_text})"
        for row in rows
        if row.state == REGRESSED
    ]
    held = sum(row.state == HOLDS for row in rows)
    unknown = [f"{row.key}: {row.reason}" for row in rows if row.state == UNKNOWN]
    unlike = ", ".join(dict.fromkeys(f"{difference.what} ({difference.name})" for difference in differences))
    if outcome is CompareOutcome.REGRESSED:
        return f"{len(broken)} of {len(broken) + held} limits exceeded: {'; '.join(broken)}"
    if outcome is CompareOutcome.INDICATIVE:
        return f"{'; '.join(broken)}; but the runs differ in {unlike}"
    if outcome is CompareOutcome.INCONCLUSIVE:
        return "; ".join(unknown) or "no figure with a limit was measured"
    holds = "the one limit holds" if held == 1 else f"all {held} limits hold"
    return f"{holds}, as an indication, for the runs differ in {unlike}" if differences else holds


def with_baseline(summary: Summary, base: Recorded) -> Summary:
    """The summary with a comparison in it; the verdict stays what the thresholds make it."""
    current = Recorded.of(summary.to_plain(), summary.about.source)
    return replace(summary, comparison=compare(base, current, Limits.parse(())))


def chief_rows(comparison: Comparison) -> list[ComparedRow]:
    """What a person looks at: figures of all calls, and of times the middle and the tail."""
    return [
        row
        for row in comparison.rows
        if row.group == ALL and not row.state and row.figure in ("", "p50", "p95", "p99")
    ]
