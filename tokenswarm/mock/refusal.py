"""Why a request is answered with an error; how that is worded is the dialect's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error to answer with; an empty message is filled in by status."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
