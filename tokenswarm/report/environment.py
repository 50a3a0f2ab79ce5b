"""What a run says of the machine that it ran on, in words: the same figures mean other things elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tokenswarm.metrics.units import BYTES, format_figure


class Fact(NamedTuple):
    """One line of the environment."""

    name: str
    text: str


def facts_of(environment: Mapping[str, Any]) -> list[Fact]:
    """All that is known, in its order. That there is no limit is a fact as well."""
    return list(_facts(environment))


def _facts(environment: Mapping[str, Any]) -> Iterator[Fact]:
    for key, value in environment.items():
        name, shown = _NAMES.get(key, (key.replace("_", " "), str))
        if value is not None and value != "":
            # Only we write numbers there; whatever else stands in the file is shown as it is.
            yield Fact(name, shown(value) if isinstance(value, int | float) else str(value))
        elif key in _LIMITS:
            yield Fact(name, "none")


def _bytes(value: Any) -> str:
    return format_figure(float(value), BYTES)


def _cores(value: Any) -> str:
    return f"{float(value):g} cores"


_LIMITS: Final = ("memory_limit_bytes", "cpu_limit_cores")
_NAMES: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "cpu": ("CPU", str),
    "cores": ("cores that it may use", str),
    "memory_bytes": ("memory", _bytes),
    "memory_limit_bytes": ("container's memory limit", _bytes),
    "cpu_limit_cores": ("container's CPU limit", _cores),
    "git_commit": ("git commit", str),
}
