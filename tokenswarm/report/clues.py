"""Where to look first when a line is broken: the section of the report, and what stands out in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.monitored import is_monitored
from tokenswarm.report.action_row import ActionRow
from tokenswarm.report.cache import ARMS
from tokenswarm.report.figures import micro_ms, milliseconds, rate, share, since_start, whole
from tokenswarm.report.monitored import chart_of
from tokenswarm.report.slowest import slowest, who_takes_it
from tokenswarm.report.summary import ErrorRow, Summary, ThresholdRow

# The sections of report.html that a clue may name, by their anchors.
TITLES: Final = {
    "answers": "Where answers came from",
    "breakdown": "Where the time goes",
    "cache": "Cache",
    "distortion": "How the gateway changes streams",
    "drift": "Drift",
    "errors": "Errors",
    "expected": "Expected answers",
    "failover": "Failover",
    "latency": "Latency",
    "overhead": "What the gateway adds",
    "stages": "Stages",
    "thresholds": "Thresholds",
    "timeline": "Over time",
    "trust": "Can this run be trusted?",
    "ttft": "Time to first token",
}
# Checks that say, if they are bad, that the load generator's own time is in every call's.
_OWN_TIME: Final = ("generator CPU", "generator lag")
# The charts of figures that monitors read, where they are not the metric's own.
_CHARTS: Final = {"target_cpu": "target_cpu", "target_cores": "target_cpu", "target_memory": "memory"}
_UNITS: Final = {"target_cpu": "%", "memory": " MB"}


@dataclass(frozen=True, slots=True)
class Clue:
    """`anchor` is a section that the report has; `text` one clause, empty if nothing stands out."""

    anchor: str
    text: str = ""

    @property
    def section(self) -> str:
        """Its heading."""
        return TITLES[self.anchor]


def clue_of(row: ThresholdRow, summary: Summary) -> Clue:
    """The clue to a line that is broken, or that can't be judged."""
    if row.status == "inconclusive":
        # Where no call succeeded, what has no sample has the failures to blame.
        is_answered = any(spread.metric == "latency" for spread in summary.spreads)
        blamed = () if is_answered else _errors(row, summary)
        return next(iter(blamed), Clue("thresholds", row.reason))
    finders = next((finders for names, finders in _FINDERS if row.metric.startswith(names)), ())
    found = (clue for find in (*finders, _monitored) for clue in find(row, summary))
    return next(found, Clue("thresholds"))


def _errors(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    error = error_behind(row, summary)
    if error is not None:
        when = (
            "" if error.first_s is None else f", {since_start(error.first_s)} to {since_start(error.last_s)}"
        )
        said = f": {error.example}" if error.example else ""
        share_of = f"{share(error.share)} of failures{when}"
        yield Clue("errors", f"{whole(error.count)} × {error.name} ({share_of}){said}")


def error_behind(row: ThresholdRow, summary: Summary) -> ErrorRow | None:
    """The commonest failures of those that the line is about, if it names any."""
    named = [error for error in summary.errors if f"outcome:{error.outcome}" in row.line]
    return next(iter(named or summary.errors), None)


def _busy_generator(_row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    """Where the load generator had no time to look, times are its own, and no gateway is to blame."""
    bad = {check.what: check.text for check in summary.checks if check.state == "bad"}
    yield from (Clue("trust", f"{what}: {bad[what]}") for what in _OWN_TIME if what in bad)


def _slow(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    metric = row.metric.removeprefix("effective_").removesuffix("_drift")
    outlier, part = slowest(metric, summary, labels_of(row)), who_takes_it(metric, summary)
    table = metric if any(spread.metric == metric for spread in summary.spreads) else "thresholds"
    anchor = "breakdown" if part and not outlier else table if table in TITLES else "thresholds"
    text = "; ".join(filter(None, (f"slowest: {outlier}" if outlier else "", part)))
    if text or table != "thresholds":
        yield Clue(anchor, text)


def labels_of(row: ThresholdRow) -> dict[str, str]:
    """What the line is about: label → value, of `latency{stage:hold,stream:true}: …`."""
    subject = row.line.partition(": ")[0]
    pairs = subject.partition("{")[2].removesuffix("}").split(",")
    return {name: value for name, _, value in (pair.partition(":") for pair in pairs) if value}


def _hits(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    if summary.cache is not None and "cache:hit" in row.line:
        hits = (layer for layer in summary.cache.layers if layer.is_hit)
        times = (f"{hit.name} p50 {micro_ms(hit.p50_ms)}, p95 {micro_ms(hit.p95_ms)} ms" for hit in hits)
        yield Clue("cache", "; ".join(times))


def _late(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    """Of a latency that counts from the due time: what the schedule says, where that is the reason."""
    if row.metric.startswith("effective_"):
        doubts = {check.what: check.text for check in summary.checks if check.state in ("bad", "warning")}
        text = next((doubts[what] for what in ("late starts", "dropped starts") if what in doubts), "")
        if text:
            yield Clue("trust", text)


def _streams(_row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    overhead = summary.overhead
    if overhead is not None and overhead.distortion:
        yield Clue("distortion", overhead.sentence.removesuffix("."))


def _delivery(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    """In the open model, what came of what was planned; in the closed one, how long users had to wait."""
    about = labels_of(row).get("stage")
    stages = [s for s in summary.stages if not s.is_warmup and s.request_rate is not None]
    stages = [s for s in stages if about in (None, s.name)]
    planned = [s for s in stages if s.offered_rate]
    if planned:
        slow = min(planned, key=lambda s: (s.request_rate or 0.0) / (s.offered_rate or 1.0))
        said = f"{rate(slow.request_rate)} calls/s of {rate(slow.offered_rate)} planned"
        yield Clue("stages", said if about else f"lowest in {slow.name}: {said}")
    elif stages:
        # A ramp's rate says nothing, so of a line about the whole run the stage with the most users.
        most = max(stages, key=lambda s: (s.users or 0, s.request_rate or 0.0))
        times = (s for s in summary.spreads if s.metric == "latency" and s.group == "stage")
        mean_ms = next((s.avg_ms for s in times if s.name == most.name), None)
        took = f", a call took {milliseconds(mean_ms)} on average" if mean_ms is not None else ""
        yield Clue(
            "stages", f"{most.name}: {rate(most.request_rate)} calls/s by {whole(most.users)} users{took}"
        )


def _drift(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    yield from (
        Clue("drift", drift.sentence) for drift in summary.drift if row.metric.startswith(drift.metric)
    )


def _added(_row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    if summary.overhead is not None:
        rows = summary.overhead.rows
        yield from (Clue("overhead", f"{row.title}, {row.way}: p95 {row.p95} ms") for row in rows[:1])


def _failover(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    slow = max(summary.actions, key=lambda action: _injury(row.metric, action), default=None)
    if slow is not None:
        yield Clue("failover", slow.sentence)


def _injury(metric: str, action: ActionRow) -> tuple[bool, float]:
    """The worse, the more: what never ended comes before what took long."""
    if metric == "failover_time":
        return False, action.failover_s or 0.0
    if metric == "return_time":
        return action.is_away_at_end, action.return_s or 0.0
    return action.recovery_s is None, action.recovery_s or 0.0


def _cache(_row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    cache, answers = summary.cache, summary.answers
    if cache is not None:
        arms = (f"{arm.name} {share(arm.hit_rate)} ({ARMS[arm.name]})" for arm in cache.arms)
        layers = (f"{layer.name} {share(layer.share)}" for layer in cache.layers)
        yield Clue("cache", f"hits by what was asked: {', '.join(arms)}" if cache.arms else ", ".join(layers))
    elif answers is not None:
        yield Clue("answers", answers.read_by.removesuffix("."))


def _expected(_row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    least = min(summary.expected, key=lambda check: check.share, default=None)
    if least is not None:
        yield Clue("expected", f"{least.name}: {share(least.share)} of {whole(least.asked)} calls")


def _trust(_row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    doubts = (check for check in summary.checks if check.state in ("bad", "warning"))
    yield next((Clue("trust", f"{doubt.what}: {doubt.text}") for doubt in doubts), Clue("trust"))


def _monitored(row: ThresholdRow, summary: Summary) -> Iterator[Clue]:
    """When a figure of the target was at its worst."""
    timeline = summary.timeline
    if timeline is None or not is_monitored(row.metric):
        return
    chart = _CHARTS.get(row.metric, chart_of(row.metric))
    for track in timeline.of(chart)[-1:]:  # of percentiles, the highest
        values = zip(track.values, timeline.at_s, strict=True)
        points = [(value, at_s) for value, at_s in values if value is not None]
        if points:
            (low, low_s), (high, high_s) = min(points), max(points)
            unit = _UNITS.get(chart, "")
            lowest, highest = (
                f"{low:,.4g}{unit} at {since_start(low_s)}",
                f"{high:,.4g}{unit} at {since_start(high_s)}",
            )
            yield Clue("timeline", f"lowest {lowest}, highest {highest}")


# The first whose names the metric begins with; its finders in the order in which they are asked.
_FINDERS: Final[
    tuple[tuple[tuple[str, ...], Sequence[Callable[[ThresholdRow, Summary], Iterator[Clue]]]], ...]
] = (
    (("latency_drift", "ttft_drift", "target_memory"), (_drift,)),
    (("goodput",), (_errors, _busy_generator, _slow)),
    (("error_rate", "success_rate", "availability", "failures", "rate_limited", "ws_drops"), (_errors,)),
    (("overhead", "paired_overhead", "reported_"), (_busy_generator, _added)),
    (("latency", "effective_latency", "ttf"), (_busy_generator, _hits, _late, _slow)),
    (("tpot", "icl", "max_gap", "burst"), (_busy_generator, _streams)),
    (("request_rate", "requests", "offered_rate", "output_tokens"), (_delivery,)),
    (("recovery_time", "failover_time", "return_time"), (_failover,)),
    (("cache_", "fallback_rate", "prompt_cache"), (_cache,)),
    (("check_rate",), (_expected,)),
    (("dropped", "late", "schedule_delay", "generator_"), (_trust,)),
)
