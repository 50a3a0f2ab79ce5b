"""What a scenario expects of its target: the dialect that its calls are made in.

`chat` speaks whatever its target speaks, if that is a conversation. Every other scenario that comes with
tokenswarm speaks one dialect of its own, or one kind of them; a user's own speaks any.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.schema import DEFAULT_SCENARIO, Profile
from tokenswarm.profile.target import DEFAULT_DIALECT, Target
from tokenswarm.wire.dialect import DIALECTS
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

# Scenarios of held connections → what is spoken where the target is only a URL, or the mock.
_SOCKETS: Final[Mapping[str, str]] = {"realtime": "openai-realtime", "websocket_chat": "websocket"}
_DIALECTS: Final[Mapping[str, str]] = MappingProxyType(
    {**{dialect.scenario: dialect.name for dialect in DIALECTS.values()}, **_SOCKETS}
)


def dialect_of(scenario: str, url: str = "") -> str:
    """The dialect of a target that names none; a ws:// URL is never a conversation over HTTP."""
    is_socket = url.startswith(("ws://", "wss://"))
    if is_socket and (scenario == DEFAULT_SCENARIO or scenario not in _DIALECTS):
        return "openai-realtime" if "/realtime" in url else "websocket"
    return _DIALECTS.get(scenario, DEFAULT_DIALECT)


def check_target(scenario: str, target: Target) -> None:
    """ConfigurationError if this scenario can't be played against that target."""
    wanted = _DIALECTS.get(scenario)
    if wanted is None or target.dialect == wanted:
        return
    if scenario in _SOCKETS:
        if not target.is_socket:
            raise ConfigurationError(
                f"scenario {scenario} talks over WebSockets, and target {target.name} speaks "
                f"{target.dialect}; name a target with one of the dialects {', '.join(SOCKET_DIALECTS)}"
            )
        return
    spoken = DIALECTS.get(target.dialect)
    if scenario == DEFAULT_SCENARIO:
        if spoken is not None and not spoken.streams:
            raise ConfigurationError(
                f"scenario {scenario} has conversations, and target {target.name} speaks {target.dialect}, "
                f"whose answers are no text; use a profile of scenario {spoken.scenario}"
            )
        return
    fitting = dict.fromkeys([spoken.scenario] if spoken is not None else [])
    if spoken is None or spoken.streams:
        fitting[DEFAULT_SCENARIO] = None
    raise ConfigurationError(
        f"scenario {scenario} speaks {wanted}, and target {target.name} says dialect: {target.dialect}; "
        f"use a profile of scenario {' or '.join(fitting)}, or a target that says {wanted} or no dialect"
    )


def as_spoken(profile: Profile, dialect: str) -> Profile:
    """The profile, without streams if the dialect has none; ConfigurationError if it asks for some."""
    spoken = DIALECTS.get(dialect)
    if spoken is None or spoken.streams:
        return profile
    if "streaming" in profile.model_fields_set and profile.streaming > 0:
        raise ConfigurationError(
            f"{profile.file or profile.name}: streaming: got {profile.streaming:.0%}, and {dialect} has no "
            "streams; take the line away, or write 0%"
        )
    return profile.model_copy(update={"streaming": 0.0})
