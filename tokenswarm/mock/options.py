"""How a mock gateway is to run; apart from the server, so that who starts one needn't import it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

LISTENING: Final = "mock gateway listening on "  # the line that says that it does ends in its URL


@dataclass(frozen=True, slots=True)
class MockOptions:
    """How a mock gateway runs. Times and sizes are as orders write them: `50`, `lognormal:50:0.4` …"""

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    ttft: str = "50"
    itl: str = "5"
    tokens: str = "20"
    status: int | None = None
    error_rate: str | None = None
    error_status: int = 500
    orders: tuple[str, ...] = ()  # further defaults, `KEY=VALUE`
    api_key_env: str | None = None
    truth_log: Path | None = None
    stop_with_stdin: bool = False


def arguments_of(options: MockOptions) -> list[str]:
    """The command line of `mock gateway` that gives these options."""
    arguments = []
    for field in fields(options):
        value = getattr(options, field.name)
        flag = f"--{field.name.replace('_', '-')}"
        if field.name == "orders":
            arguments += [part for order in value for part in ("--order", order)]
        elif value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            arguments += [flag, str(value)]
    return arguments
