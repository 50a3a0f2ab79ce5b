"""What calls to a target mean: facts in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenswarm.doctor.row import Row, fault, ok, warning
from tokenswarm.report.figures import milliseconds


@dataclass(frozen=True, slots=True)
class CallFact:
    """One call of a kind. Times are None where there is none; `problem` is empty if it succeeded."""

    is_streaming: bool
    status: int | None
    ttft_ms: float | None = None
    latency_ms: float | None = None
    output_tokens: int | None = None
    problem: str = ""
    mend: str = ""
    may_pass: bool = False  # it failed as calls fail now and then


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What trying it showed. `misnamed`: no such target, or its file is wrong; then nothing was tried."""

    shown: str  # name or URL, dialect and model
    key_env: str = ""
    has_key: bool = False
    misnamed: str = ""
    connect_ms: float | None = None
    unreachable: str = ""  # why nothing answers there, in one line
    gateway: str = ""  # what it is, and by what that was found
    calls: Sequence[CallFact] = ()


def target_rows(facts: TargetFacts) -> list[Row]:
    """The target, whether it is there, its key, and a row a kind of call."""
    if facts.misnamed:
        return [
            fault("target", facts.misnamed, "mend what is named here: the option, the file or the variable")
        ]
    rows = [ok("target", facts.shown)]
    if facts.unreachable:
        mend = "start the gateway; see host, port, DNS and firewall; `tokenswarm mock gateway` is one to try"
        return [*rows, fault("reachable", facts.unreachable, mend)]
    if facts.connect_ms is not None:
        rows.append(ok("reachable", f"connected within {milliseconds(facts.connect_ms)}"))
    rows.append(_key(facts))
    rows += [_call(call) for call in facts.calls]
    if facts.gateway:
        rows.append(ok("gateway", facts.gateway))
    return rows


def _key(facts: TargetFacts) -> Row:
    given = f"of {facts.key_env}" if facts.has_key else f"none: {facts.key_env} is not set"
    statuses = {call.status for call in facts.calls}
    if statuses & {401, 403}:
        return fault("key", f"{given}; refused", f"set {facts.key_env} to a key that this target accepts")
    if any(not call.problem for call in facts.calls):
        return ok("key", f"{given}; {'accepted' if facts.has_key else 'and none is asked for'}")
    return warning("key", f"{given}; no call succeeded, so it can't be told", "mend the calls below first")


def _call(call: CallFact) -> Row:
    name = "streaming call" if call.is_streaming else "whole call"
    if call.problem:
        row = warning if call.may_pass else fault
        return row(name, call.problem, call.mend or "call again; if it stays so, look into the gateway's log")
    parts = [f"first token after {milliseconds(call.ttft_ms)}"] if call.ttft_ms is not None else []
    if call.latency_ms is not None:
        parts.append(f"whole answer after {milliseconds(call.latency_ms)}")
    if call.output_tokens is not None:
        parts.append(f"{call.output_tokens:,} tokens")
    return ok(name, ", ".join(parts) or "answered")
