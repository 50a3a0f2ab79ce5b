"""What run.json says of a run: what was run, where it was aimed, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from tokenswarm.metrics.source import StageSpan
from tokenswarm.report.schema_number import read_as

_SCHEMA: Final = 1


class PlannedStage(NamedTuple):
    """A stage of the plan and the users it is to end with; 0 where the plan is not about users."""

    span: StageSpan
    users: int


@dataclass(frozen=True, slots=True)
class MockCounts:
    """What the embedded mock says it saw, and how well it kept up; None where an older run doesn't say."""

    received: int
    answered: int
    cut: int
    lag_p99_s: float | None = None
    cpu_share: float | None = None  # cores used, 1 = a whole core

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MockCounts:
        """The counts that run.json holds."""
        lag_s, cpu = data.get("lag_p99_s"), data.get("cpu_share")
        return cls(
            int(data["received"]),
            int(data["answered"]),
            int(data["cut"]),
            None if lag_s is None else float(lag_s),
            None if cpu is None else float(cpu),
        )


@dataclass(frozen=True, slots=True)
class Death:
    """A process of the embedded stack that ended by itself, or was killed; by the machine's clock."""

    name: str
    pid: int
    monotonic_s: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Death:
        """The death that run.json holds."""
        return cls(str(data["name"]), int(data["pid"]), float(data["monotonic_s"]))


@dataclass(frozen=True, slots=True)
class RunFacts:
    """run.json; times are seconds since the run's start. `profile`, `slo` and `target` are as written."""

    tool: str
    started_at: str
    ended_at: str
    state: str  # running, finished, interrupted or failed
    scenario: str
    profile: Mapping[str, Any]
    slo: Mapping[str, Any] | None
    target: Mapping[str, Any]
    stages: tuple[PlannedStage, ...]
    time_scale: float
    seed: int
    workers: int
    width_s: float
    command: str
    locust_command: str
    locust_exit_code: int | None
    environment: Mapping[str, Any]
    mock: MockCounts | None
    flame_graph: Mapping[str, Any] = field(default_factory=dict)  # empty: none was asked for
    deaths: tuple[Death, ...] = ()

    @property
    def stage_spans(self) -> tuple[StageSpan, ...]:
        """The stages as planned."""
        return tuple(stage.span for stage in self.stages)

    @property
    def is_open(self) -> bool:
        """Whether calls began by the clock, and not when users were ready."""
        return bool(self.profile.get("resolved", {}).get("arrivals"))

    @property
    def planned_s(self) -> float:
        """How long the run was to last."""
        return max((stage.span.end_s for stage in self.stages), default=0.0)

    @classmethod
    def from_json(cls, data: Any, file: Path) -> RunFacts:
        """RunFolderError, with the key, if the file is not what we write."""
        return read_as("a run's", data, _SCHEMA, file, cls._from_schema_1)

    @classmethod
    def _from_schema_1(cls, data: Mapping[str, Any]) -> RunFacts:
        tool, mock = data["tool"], data.get("mock")
        exit_code = data.get("locust_exit_code")
        return cls(
            tool=f"{tool['name']} {tool['version']}",
            started_at=str(data["started_at"]),
            ended_at=str(data.get("ended_at") or ""),
            state=str(data["state"]),
            scenario=str(data["scenario"]),
            profile=_resolved(data["profile"]),
            slo=_resolved(data["slo"]) if data.get("slo") else None,
            target=_target(data["target"]),
            stages=tuple(_stage(row) for row in data["stages"]),
            time_scale=_finite(data.get("time_scale", 1.0)),
            seed=int(data.get("seed", 0)),
            workers=int(data.get("workers", 0)),
            width_s=_width_s(data["width_s"]),
            command=str(data.get("command", "")),
            locust_command=str(data.get("locust_command", "")),
            locust_exit_code=None if exit_code is None else int(exit_code),
            environment=dict(data.get("environment") or {}),
            mock=MockCounts.from_json(mock) if mock else None,
            flame_graph=dict(data.get("flame_graph") or {}),
            deaths=tuple(Death.from_json(row) for row in data.get("deaths") or ()),
        )


def _resolved(data: Any) -> Mapping[str, Any]:
    """A profile or an SLO as it was written, with all that follows from it."""
    whole = dict(data)
    return {**whole, "resolved": dict(whole["resolved"])}


def _target(data: Any) -> Mapping[str, Any]:
    target = dict(data)
    for name in ("signals", "monitors"):
        if not isinstance(target.get(name) or [], Iterable):
            raise TypeError(f"target.{name} is no list")
    return target


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"got {value}, which is no number")
    return number


def _width_s(value: Any) -> float:
    width_s = _finite(value)
    if width_s <= 0:
        raise ValueError(f"width_s is {value}, and an interval takes time")
    return width_s


def _stage(row: Mapping[str, Any]) -> PlannedStage:
    span = StageSpan(str(row["name"]), _finite(row["start_s"]), _finite(row["end_s"]), bool(row["is_warmup"]))
    return PlannedStage(span, int(row.get("users") or 0))
