"""What makes calls slow: groups of calls slower than their like, and who takes most of their time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from tokenswarm.report.figures import milliseconds, time_ms
from tokenswarm.report.overhead import STREAMS
from tokenswarm.report.summary import Summary

# Less than this apart, groups are equally slow, and naming one of them leads astray.
_STANDS_OUT: Final = 1.25
_GROUPS: Final = ("stage", "prompt")
_ORIGINS: Final = ("provider", "model")
# Who spends the parts of a call, for people.
_WHO: Final = {
    "connecting": ("connect", "tls"),
    "the gateway": ("gateway",),
    "the provider": ("provider_first", "provider_rest"),
    "waiting for the answer to begin": ("waiting",),
    "the rest of the answer": ("rest",),
}
# The parts that end with the first token.
_FIRST: Final = ("connect", "tls", "gateway", "provider_first", "waiting")


def slowest(metric: str, summary: Summary, told: Collection[str] = ()) -> str:
    """The judged stage, prompt size, provider and model whose p95 stands out; empty if none does.

    `told` are labels that the line names itself: of one stage, another that is slower explains nothing.
    """
    clauses = []
    for group in (group for group in _GROUPS if group not in told):
        spreads = (s for s in summary.spreads if s.metric == metric and s.group == group)
        clauses.append(_outlier(group, {s.name: s.p95_ms for s in spreads if s.p95_ms and not s.is_warmup}))
    for group in (group for group in _ORIGINS if group not in told):
        rows = summary.answers.of(group) if summary.answers is not None else ()
        times = {row.name: row.ttft_p95_ms if metric == "ttft" else row.latency_p95_ms for row in rows}
        clauses.append(_outlier(group, {name: p95_ms for name, p95_ms in times.items() if p95_ms}))
    return ", ".join(filter(None, clauses))


def _outlier(group: str, p95_ms: dict[str, float]) -> str:
    name = max(p95_ms, key=lambda name: p95_ms[name], default="")
    if not name or p95_ms[name] < _STANDS_OUT * min(p95_ms.values()):
        return ""
    rest = min(p95_ms.values())
    return f"{group} {name} (p95 {milliseconds(p95_ms[name])}, the fastest {time_ms(rest)})"


def who_takes_it(metric: str, summary: Summary) -> str:
    """Who takes most of the mean call, of the kind of call that took most time in all; empty if unknown."""
    is_first = metric.startswith("ttf")
    rows = summary.overhead.breakdown if summary.overhead is not None else ()
    rows = tuple(row for row in rows if row.calls == STREAMS or not is_first)
    row = max(rows, key=lambda row: row.count * row.mean_ms, default=None)
    if row is None:
        return ""
    taken = {
        who: sum(row.parts_ms.get(part, 0.0) for part in parts if part in _FIRST or not is_first)
        for who, parts in _WHO.items()
    }
    longest = max(taken, key=lambda who: taken[who])
    said = f"{longest} takes {time_ms(taken[longest])} of {milliseconds(sum(taken.values()))} on average"
    if longest == "the provider" and taken["the gateway"]:
        said += f", the gateway {time_ms(taken['the gateway'])}"
    return f"{said} ({'first tokens' if is_first else row.calls})"
