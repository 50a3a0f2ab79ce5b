"""Connects to a target and makes one call of each kind, for what target.py judges."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from tokenswarm.doctor.target import CallFact, TargetFacts
from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.embedded import embedded
from tokenswarm.launch.quick import quick_profile
from tokenswarm.metrics.call import CallRecord
from tokenswarm.profile.load import load_target
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.scenario import dialect_of
from tokenswarm.profile.target import Target
from tokenswarm.transport.aim import endpoint_of
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.preflight import may_pass, mend_of, try_each
from tokenswarm.transport.said import said_in
from tokenswarm.transport.speech import speech_of
from tokenswarm.wire.dialect import DIALECTS, ChatOptions
from tokenswarm.wire.gateway_finder import GatewayFinder
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

_MS: Final = 1000.0
_MOCK: Final = "the embedded mock gateway, because no --target is named"
# What `tokenswarm quick` would load it with: its timeouts and lengths are those of a run.
_PROFILE: Final = ("1s", "50%")


def look_at_target(name: str | None, model: str | None) -> TargetFacts:
    """A target by name, path or URL, or the embedded mock; up to six calls, and no load."""
    profile = quick_profile(1, *_PROFILE)
    with ExitStack() as stack:
        try:
            if name is None:
                target = stack.enter_context(embedded(profile, model)).target
            else:
                target = _named(name, model)
            endpoint = endpoint_of(target, profile.timeouts, os.environ)
        except ConfigurationError as error:
            return TargetFacts(shown="", misnamed=str(error))
        shown = _MOCK if name is None else f"{target.url}, {target.dialect}, model {target.shown_model}"
        facts = _connected(target, endpoint, shown)
        if facts.unreachable:
            return facts
        try:
            calls, gateway = _called(target, endpoint, profile.max_tokens)
        except ConfigurationError as error:  # such as a path with {key} in it, and no key
            return TargetFacts(shown, misnamed=str(error))
        return replace(facts, calls=calls, gateway="" if name is None else gateway)


def _named(name: str, model: str | None) -> Target:
    dialects = (*DIALECTS, *SOCKET_DIALECTS)
    dialect = dialect_of("chat", name)
    places = SearchPath.of(Path.cwd())
    return load_target(name, places, os.environ, model=model, dialects=dialects, dialect=dialect)


def _connected(target: Target, endpoint: Endpoint, shown: str) -> TargetFacts:
    facts = TargetFacts(shown, target.key_env, has_key=target.key(os.environ) is not None)
    began_s = time.monotonic()
    try:
        socket.create_connection((endpoint.host, endpoint.port), endpoint.timeouts.connect_s).close()
    except OSError as error:
        why = error.strerror or "no answer within the time for connecting"
        return replace(facts, unreachable=f"{endpoint.address}: {why}")
    return replace(facts, connect_ms=_ms(time.monotonic() - began_s))


def _called(target: Target, endpoint: Endpoint, max_tokens: int | None) -> tuple[list[CallFact], str]:
    """Each kind that it can be asked for, and what gateway the answers betray."""
    spoken = DIALECTS.get(target.dialect)
    streaming = (True, False) if spoken is not None and spoken.streams else (spoken is None,)
    kinds = [ChatOptions(target.asked[0].name, each, max_tokens) for each in streaming]
    calls: list[CallFact] = []
    finder, found = GatewayFinder(), None
    for _, tries in try_each(speech_of(target, endpoint), kinds, target.path):
        calls.append(_fact(tries[-1], target.key_env))
        if tries[-1].is_success:
            found = finder.look(said_in(tries[-1]))
    return calls, f"{found.gateway}, by {found.why}" if found is not None else ""


def _fact(record: CallRecord, key_env: str) -> CallFact:
    if not record.is_success:
        return CallFact(
            record.stream,
            record.status,
            problem=f"{record.outcome}: {record.detail}",
            mend=mend_of(record, key_env),
            may_pass=may_pass(record),
        )
    return CallFact(
        record.stream,
        record.status,
        ttft_ms=_ms(record.ttft_s) if record.stream else None,
        latency_ms=_ms(record.latency_s),
        output_tokens=record.output_tokens,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * _MS
