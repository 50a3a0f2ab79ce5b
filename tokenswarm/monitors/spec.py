"""What is to be read of a target, in plain types that a child process can be told.

No secret is in it: it names variables of the environment, which the child has, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process and its children: either its id, or a name that its command line has."""

    pid: int | None = None
    name: str = ""

    @property
    def label(self) -> str:
        return f"process {self.pid if self.pid is not None else self.name}"


@dataclass(frozen=True, slots=True)
class PageValue:
    """Where on a page a figure stands; `factor` is from the page's unit of time to seconds."""

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A Prometheus endpoint. Of a figure's places the first that is there counts.

    `wanted` are the figures that somebody named: if one is never there, that is reported.
    """

    url: str
    values: Mapping[str, tuple[PageValue, ...]]
    wanted: tuple[str, ...] = ()
    token_env: str = ""
    ca_file: str | None = None
    verify: bool = True

    @property
    def label(self) -> str:
        return f"prometheus {self.url.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class LogValue:
    """A regular expression and the figure that it feeds."""

    matches: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class LogSpec:
    """A file that the target appends to."""

    file: str
    values: Mapping[str, LogValue]

    @property
    def label(self) -> str:
        return f"log {self.file}"


@dataclass(frozen=True, slots=True)
class RedisSpec:
    """A Redis that the target uses, and which fields of its INFO are read."""

    url: str
    values: Mapping[str, str]
    wanted: tuple[str, ...] = ()
    password_env: str = ""

    @property
    def label(self) -> str:
        return f"redis {self.url}"


@dataclass(frozen=True, slots=True)
class Spec:
    """All monitors of one target."""

    process: ProcessSpec | None = None
    pages: tuple[PageSpec, ...] = ()
    logs: tuple[LogSpec, ...] = ()
    redis: RedisSpec | None = None

    def __bool__(self) -> bool:
        return bool(self.process or self.pages or self.logs or self.redis)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each is called in messages and reports."""
        both = (self.process, *self.pages, *self.logs, self.redis)
        return tuple(one.label for one in both if one is not None)

    def to_plain(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Spec:
        """What `to_plain` made."""
        pages = tuple(
            PageSpec(
                **{
                    **page,
                    "values": {
                        name: tuple(PageValue(**value) for value in values)
                        for name, values in page["values"].items()
                    },
                    "wanted": tuple(page["wanted"]),
                }
            )
            for page in data["pages"]
        )
        logs = tuple(
            LogSpec(log["file"], {name: LogValue(**value) for name, value in log["values"].items()})
            for log in data["logs"]
        )
        process, redis = data["process"], data["redis"]
        return cls(
            ProcessSpec(**process) if process else None,
            pages,
            logs,
            RedisSpec(**{**redis, "wanted": tuple(redis["wanted"])}) if redis else None,
        )
