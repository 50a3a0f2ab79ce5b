"""One call of each kind that a run will make, before any load: what can't work is said in one line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import gevent

from tokenswarm.errors import PreflightError
from tokenswarm.metrics.call import CallRecord
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target
from tokenswarm.transport.aim import endpoint_of
from tokenswarm.transport.said import keep_body, said_in
from tokenswarm.transport.speech import Speech, speech_of
from tokenswarm.wire.dialect import ChatOptions
from tokenswarm.wire.gateway_finder import Found, GatewayFinder

# With a reference that no other preflight has: what a cache answers says nothing of the provider.
_PROMPT: Final = "Ticket {}: reply with one short sentence: which city is the capital of France?"
# A target that fails now and then is worth testing: only what fails every time is told, and load goes on.
_ATTEMPTS: Final = 3
_MAY_PASS: Final = frozenset({"rate_limited", "http_5xx", "stream_error", "truncated", "empty"})


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the calls showed; `warnings` are failures that load may be meant to find."""

    calls: int
    warnings: tuple[str, ...]
    latency_s: Mapping[bool, float]  # of a call that succeeded, the slowest, by whether it streams
    gateway: Found | None  # what its marks on the answers betray


def preflight_of(profile: Profile, target: Target) -> Preflight:
    """Each kind of call that the profile would make of this target; raises as `preflight` does."""
    endpoint = endpoint_of(target, profile.timeouts, os.environ)
    streaming = 1.0 if target.is_socket else profile.streaming
    kinds = [
        ChatOptions(model.name, stream, profile.max_tokens)
        for model in target.asked
        for stream, share in ((True, streaming), (False, 1 - streaming))
        if share > 0
    ]
    address = f"{endpoint.scheme}://{endpoint.address}"
    return preflight(speech_of(target, endpoint), address, kinds, target.path, target.key_env)


def preflight(
    speech: Speech, address: str, kinds: Sequence[ChatOptions], path: str | None, key_source: str
) -> Preflight:
    """Try each kind; raises PreflightError when the target can't be loaded at all.

    For the message: `address` is the target's, `key_source` names the environment variable of the key.
    """
    calls = 0
    warnings: list[str] = []
    latency_s: dict[bool, float] = {}
    found: Found | None = None
    finder = GatewayFinder()
    names = {options.model for options in kinds}
    models = {name: f" for model {name}" if len(names) > 1 else "" for name in names}
    for options, tries in try_each(speech, kinds, path):
        record = tries[-1]
        calls += len(tries)
        if record.is_success:
            latency_s[options.stream] = max(latency_s.get(options.stream, 0.0), record.latency_s or 0.0)
            found = finder.look(said_in(record))
            continue
        kind = "streaming" if options.stream else "non-streaming"
        where = f"target {address}, {kind} call{models[options.model]}"
        if not may_pass(record):
            mend = mend_of(record, key_source)
            raise PreflightError(f"{where}: {record.outcome}: {record.detail}\n  {mend}".rstrip())
        warnings.append(f"{where}: {record.outcome}: {record.detail}")
    return Preflight(calls, tuple(warnings), latency_s, found)


def try_each(
    speech: Speech, kinds: Sequence[ChatOptions], path: str | None
) -> Iterator[tuple[ChatOptions, list[CallRecord]]]:
    """Of each kind the calls that were made, over one connection: one, or more while they might pass."""
    # gevent would print Ctrl-C as an error of its hub, besides handing it on to us.
    hub = gevent.get_hub()
    if KeyboardInterrupt not in hub.NOT_ERROR:
        hub.NOT_ERROR = (*hub.NOT_ERROR, KeyboardInterrupt)
    connection = speech.connect()
    prompt = _PROMPT.format(uuid4().hex[:12])
    try:
        for options in kinds:
            tries: list[CallRecord] = []
            while not tries or (may_pass(tries[-1]) and len(tries) < _ATTEMPTS):
                record = CallRecord(time.monotonic())
                record.stream = options.stream
                keep_body(record)
                connection.call(speech.encode(prompt, options, path), record)
                tries.append(record)
            yield options, tries
    finally:
        connection.close()


def may_pass(record: CallRecord) -> bool:
    """Whether it failed as calls fail now and then."""
    return record.outcome in _MAY_PASS


def mend_of(record: CallRecord, key_source: str) -> str:
    """What to do about a call that failed; empty where nobody can say."""
    return _MENDS.get(record.outcome, _no_mend)(record, key_source)


def _no_mend(record: CallRecord, key_source: str) -> str:
    del record, key_source
    return ""


def _refused(record: CallRecord, key_source: str) -> str:
    if record.status in (401, 403):
        return f"The key was refused. Set {key_source} in the environment to a key that this target accepts."
    if record.status == 404:
        return "Nothing is served there. Check URL, model and dialect; a target file can name another path."
    return "The target refuses this request. Check the model (--model) and the target's path."


_MENDS: Final[dict[str, Callable[[CallRecord, str], str]]] = {
    "connect": lambda *_: "Nothing answers there. Is the gateway running, and are host and port right?",
    "tls": lambda *_: (
        "TLS failed. Name the CA in a target file (tls.ca_file), or use http:// if it has no TLS."
    ),
    "timeout_connect": lambda *_: "No connection within timeouts.connect. Is the host reachable from here?",
    "timeout_first_token": lambda *_: "No first token within timeouts.first_token. Is the model loaded?",
    "timeout_idle": lambda *_: "The answer stopped in the middle. See timeouts.idle.",
    "timeout_total": lambda *_: "The answer took longer than timeouts.total.",
    "malformed": lambda *_: (
        "This doesn't look like an LLM endpoint. Check the URL, the path and the dialect."
    ),
    "http_4xx": _refused,
}
