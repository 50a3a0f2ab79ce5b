"""References to the environment: `${NAME}`, and `${NAME:-default}` for when it is unset or empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

REFERENCE: Final = re.compile(r"\$\{([^}\n]*)\}")
_NAMED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?")


def look_up(reference: str, environ: Mapping[str, str]) -> str:
    """What one reference stands for; ValueError, with what to do, if nothing."""
    match = _NAMED.fullmatch(reference[2:-1])
    if match is None:
        raise ValueError(f"got {reference}, need ${{NAME}} or ${{NAME:-default}}")
    name, default = match[1], match[2]
    # As in a shell, a default also stands in for an empty value.
    value = environ.get(name)
    if value or (value is not None and default is None):
        return value
    if default is None:
        raise ValueError(f"the environment has no {name}; set it, or write ${{{name}:-default}}")
    return str(default)


def fill(text: str, environ: Mapping[str, str]) -> str:
    """The text with all its references looked up; ValueError if one stands for nothing."""
    return REFERENCE.sub(lambda match: look_up(match[0], environ), text)


def names_in(text: str) -> list[str]:
    """The names that a text refers to, without defaults: safe to show."""
    matches = (_NAMED.fullmatch(inside) for inside in REFERENCE.findall(text))
    return [match[1] for match in matches if match is not None]


def has_default(text: str) -> bool:
    """Whether a reference in the text brings a value of its own."""
    matches = (_NAMED.fullmatch(inside) for inside in REFERENCE.findall(text))
    return any(match is not None and match[2] for match in matches)
