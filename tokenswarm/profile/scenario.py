"""What a scenario expects of its target: the dialect that its calls are made in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.target import DEFAULT_DIALECT, Target
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

# Scenario → what is spoken where the target is only a URL, or the mock. Any other scenario is HTTP.
_DIALECTS: Final[Mapping[str, str]] = {"realtime": "openai-realtime", "websocket_chat": "websocket"}


def dialect_of(scenario: str, url: str = "") -> str:
    """The dialect of a target that names none; a ws:// URL is never HTTP's."""
    dialect = _DIALECTS.get(scenario)
    if dialect is None:
        is_socket = url.startswith(("ws://", "wss://"))
        return ("openai-realtime" if "/realtime" in url else "websocket") if is_socket else DEFAULT_DIALECT
    return dialect


def check_target(scenario: str, target: Target) -> None:
    """ConfigurationError if a scenario of held connections is aimed at a target that is asked by HTTP."""
    if scenario in _DIALECTS and not target.is_socket:
        raise ConfigurationError(
            f"scenario {scenario} talks over WebSockets, and target {target.name} speaks {target.dialect}; "
            f"name a target with one of the dialects {', '.join(SOCKET_DIALECTS)}"
        )
