"""Writes a new suite into a folder, and never over anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.starter.parts import Part, parts

_MOST_SHOWN: Final = 5


def write_suite(folder: Path) -> list[str]:
    """The places that were written; ConfigurationError, and nothing is written, if any of them is taken."""
    suite = list(parts())
    _refuse_if_taken(folder, suite)
    for part in suite:
        file = folder / part.place
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as new:
                new.write(part.text)
        except OSError as error:
            raise ConfigurationError(
                f"{file}: can't be written: {error.strerror}; name a folder that you may write to"
            ) from None
    return [part.place for part in suite]


def _refuse_if_taken(folder: Path, suite: list[Part]) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise ConfigurationError(f"{folder}: is no folder; name one, or a new one")
    # A link that leads nowhere is taken, too: writing would follow it.
    taken = [part.place for part in suite if os.path.lexists(folder / part.place)]
    if taken:
        more = f" and {len(taken) - _MOST_SHOWN} more" if len(taken) > _MOST_SHOWN else ""
        raise ConfigurationError(
            f"{folder}: holds {', '.join(taken[:_MOST_SHOWN])}{more} already, and nothing is overwritten;"
            " name a new folder, or move them away"
        )
