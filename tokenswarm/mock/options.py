"""How the mocks are to run; apart from the servers, so that who starts one needn't import it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Final

# What stands before the URLs in the line that says where a mock listens.
LISTENING: Final = "listening on "
ADMIN: Final = ", admin on "


@dataclass(frozen=True, slots=True)
class MockOptions:
    """How a mock provider runs. Times and sizes are as orders write them: `50`, `lognormal:50:0.4` …"""

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
    admin_port: int | None = None  # of a second listener, on loopback
    admin_token_env: str | None = None
    truth_log: Path | None = None
    stop_with_stdin: bool = False

    plural: ClassVar = {"orders": "order"}


def arguments_of(options: Any) -> list[str]:
    """The command line that gives these options, whichever mock's they are."""
    arguments = []
    for field in fields(options):
        value = getattr(options, field.name)
        name = options.plural.get(field.name, field.name)
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, tuple):
            arguments += [part for each in value for part in (flag, str(each))]
        elif value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            arguments += [flag, str(value)]
    return arguments
