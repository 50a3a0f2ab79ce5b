"""What counts as a right answer: statuses, JSON paths that must exist, a response time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from tokenswarm.metrics.units import format_duration
from tokenswarm.profile.values import Block, PositiveDuration, problem
from tokenswarm.profile.yaml_tree import Path
from tokenswarm.wire.json_path import exists, steps_of

_SWITCHED: Final = 101  # a WebSocket's calls have no status of their own: the connection's stands for them


def _json_path(path: str) -> str:
    try:
        steps_of(path)
    except ValueError as error:
        raise problem(str(error)) from None
    return path


class Expect(Block):
    """The `expect:` section. Each entry is a check, whose share is reported under its name."""

    status: (
        Annotated[list[Annotated[int, Field(strict=True, ge=100, le=599)]], Field(min_length=1)] | None
    ) = Field(default=None, description="statuses that count as success; 2xx if none are given")
    json_paths: list[Annotated[str, AfterValidator(_json_path)]] = Field(
        default_factory=list, alias="json", description="must exist in answers that are no streams"
    )
    latency_s: PositiveDuration | None = Field(default=None, alias="latency")


class Expectations:
    """The section, ready to be held against calls. `checks` names them; results come in the same order."""

    def __init__(self, expect: Expect) -> None:
        self._statuses = frozenset(expect.status or ())
        self._paths = tuple(steps_of(path) for path in expect.json_paths)
        self._latency_s = expect.latency_s
        self.checks: tuple[str, ...] = tuple(_names(expect))

    @property
    def needs_document(self) -> bool:
        """Whether answers must be kept and decoded for the checks."""
        return bool(self._paths)

    @property
    def wants_answers(self) -> bool:
        """Whether calls may be answered at all; else only refusals are right."""
        return not self._statuses or any(200 <= status <= 299 for status in self._statuses)

    def is_right_status(self, status: int) -> bool:
        """Whether this status counts as success: one of those given, or any 2xx if none are."""
        if status == _SWITCHED:
            return True
        return status in self._statuses if self._statuses else 200 <= status <= 299

    def results(
        self, status: int, latency_s: float | None, document: Any, *, stream: bool
    ) -> list[bool | None]:
        """Which checks one ended call met; None where a check is not about this call.

        `status` 0: no answer came. `document` is the decoded body, None if it was no JSON. Paths are
        asked of 2xx answers that are no streams: what an error says is not the answer.
        """
        met: list[bool | None] = []
        if self._statuses:
            met.append(self.is_right_status(status))
        asks_paths = not stream and 200 <= status <= 299
        met += [exists(document, steps) if asks_paths else None for steps in self._paths]
        if self._latency_s is not None:
            met.append(None if latency_s is None else latency_s < self._latency_s)
        return met


def check_expectations(data: Any) -> Iterator[tuple[Path, str]]:
    """Checks that no call of this profile could meet or fail; raw YAML data."""
    expect = data.get("expect")
    if isinstance(expect, dict) and expect.get("json") and data.get("streaming") in (True, 1, "100%"):
        yield ("expect", "json"), "paths are looked for in answers that are no streams, and streaming is 100%"


def _names(expect: Expect) -> Iterator[str]:
    if expect.status:
        yield f"status is {' or '.join(map(str, sorted(set(expect.status))))}"
    yield from (f"has {path}" for path in expect.json_paths)
    if expect.latency_s is not None:
        yield f"latency < {format_duration(expect.latency_s)}"
