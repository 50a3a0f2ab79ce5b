"""Where a value stands in decoded JSON: `choices[0].message.content`.

    path = step { "." key | index }      step = key | index
    key  = one or more characters other than . [ ]
    index = "[" digits "]"

A path exists if the document has a value there, null included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

_STEP: Final = re.compile(r"\[(\d{1,6})\]|(?:^|(?<=[^.])\.)([^.\[\]]+)")
_ABSENT: Final = object()


def steps_of(path: str) -> tuple[str | int, ...]:
    """Keys and indices of a path; ValueError, with what is allowed, if it isn't one."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            break
        steps.append(match[2] if match[1] is None else int(match[1]))
        at = match.end()
    if not steps or at < len(path):
        raise ValueError(
            f"got {path}, need keys and [indices], such as metadata or choices[0].message.content"
        )
    return tuple(steps)


def exists(document: Any, steps: Sequence[str | int]) -> bool:
    """Whether the decoded JSON has a value at the end of these steps."""
    return _walk(document, steps) is not _ABSENT


def value_at(document: Any, steps: Sequence[str | int]) -> Any:
    """The value at the end of these steps; None where there is none."""
    value = _walk(document, steps)
    return None if value is _ABSENT else value


def _walk(document: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        has_step = (
            step in document
            if isinstance(step, str) and isinstance(document, dict)
            else isinstance(step, int) and isinstance(document, list) and step < len(document)
        )
        if not has_step:
            return _ABSENT
        document = document[step]
    return document
