"""The `monitor:` section of a target: what is read of it while a run goes.

process     the target's processes on the machine that the test is run from, by id or by name
prometheus  one metrics page or several; the preset of its gateway knows the names of some
log         a file that the target writes; regular expressions find figures in its lines
redis       the Redis that the target uses
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.catalogue import METRICS, MONITORED_SHARES, Kind
from tokenswarm.metrics.prometheus_names import series_of
from tokenswarm.metrics.suggestion import did_you_mean, not_one_of
from tokenswarm.profile.address import env_name, page_at
from tokenswarm.profile.values import Block, problem, shown
from tokenswarm.wire.gateway_metrics import OF_PROCESS as OF_PAGES
from tokenswarm.wire.gateway_metrics import PAGES, PageMetric, names_of, unit_of

OF_PROCESS: Final = ("target_memory", "target_cpu", "target_cores", "target_threads", "target_sockets")
# Field of INFO by our name; what every Redis says.
OF_REDIS: Final[Mapping[str, str]] = {
    "redis_memory": "used_memory",
    "redis_clients": "connected_clients",
    "redis_commands": "total_commands_processed",
    "redis_hits": "keyspace_hits",
    "redis_misses": "keyspace_misses",
    "redis_evictions": "evicted_keys",
}
NO_PRESET: Final = "none"
_PRESETS: Final = ("auto", *PAGES, NO_PRESET)
_MOST_VALUES: Final = 40
_Unit = Literal["s", "ms", "us"]
_Text = Annotated[str, Field(min_length=1, max_length=300)]


EnvName = Annotated[str, BeforeValidator(env_name)]


def _figure(name: str) -> str:
    """A metric that a monitor may feed."""
    metric = METRICS.get(name)
    listed = [one for one in METRICS if METRICS[one].is_monitored and one not in MONITORED_SHARES]
    if metric is None or not metric.is_monitored:
        guess = did_you_mean(name, listed)
        raise problem(
            f"got {name}, need one of {', '.join(listed)}, or a name of your own: target_ and lower-case"
            f" words, ending in _ms or _seconds for a time, _total for a counter, _bytes for bytes{guess}"
        )
    if name in MONITORED_SHARES:
        both = " and ".join(MONITORED_SHARES[name])
        raise problem(f"{name} is made of {both}: name those")
    return name


Figure = Annotated[str, AfterValidator(_figure)]


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _process(value: Any) -> Any:
    """`process: 1234` and `process: litellm` are short for the two keys."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"pid": value}
    return {"name": value} if isinstance(value, str) else value


class ProcessSection(Block):
    """Which processes; their children always belong to them."""

    pid: Annotated[int, Field(strict=True, ge=1)] | None = None
    name: _Text | None = Field(
        default=None, description="of the program, the script that it runs, or the module after -m"
    )

    @model_validator(mode="after")
    def _is_one(self) -> ProcessSection:
        if (self.pid is None) == (self.name is None):
            raise problem("need either pid or name")
        return self


def process_named(pid: int | None, name: str | None) -> ProcessSection | None:
    """The process that --target-pid or --target-process names; ConfigurationError for both."""
    if pid is not None and name is not None:
        raise ConfigurationError("--target-pid and --target-process: take one of them")
    if pid is not None and pid < 1:
        raise ConfigurationError(f"--target-pid: got {pid}, need a process id of this machine")
    return None if pid is None and name is None else ProcessSection(pid=pid, name=name)


def _page_value(value: Any) -> Any:
    return {"metric": value} if isinstance(value, str) else value


class PageValueSection(Block):
    """Where on the page a figure stands: the sum over the series that have these labels."""

    metric: _Text
    labels: dict[str, str] = Field(default_factory=dict)
    unit: _Unit | None = Field(default=None, description="of times, where the metric's name doesn't say it")


PageValue = Annotated[
    PageValueSection, BeforeValidator(_page_value, json_schema_input_type=str | PageValueSection)
]


class PageSection(Block):
    """A Prometheus endpoint. A path is one on the target, which gets the target's own key there."""

    url: Annotated[str, AfterValidator(page_at)]
    token_env: EnvName | None = Field(
        default=None, description="NAME of the environment variable whose value is sent as bearer token"
    )
    preset: str | None = Field(default=None, description="instead of the target's gateway; or none")
    values: dict[Figure, PageValue] = Field(default_factory=dict, max_length=_MOST_VALUES)

    def known(self, gateway: str) -> dict[str, tuple[PageMetric, ...]]:
        """What is looked for besides what is named here, on the page of a target with this preset."""
        if self.preset == NO_PRESET:
            return {}
        return {**OF_PAGES, **names_of(self.preset or gateway)}

    @model_validator(mode="after")
    def _makes_sense(self) -> PageSection:
        if self.preset is not None and self.preset not in _PRESETS:
            raise problem(f"preset: {not_one_of(shown(self.preset), _PRESETS)}")
        for name, value in self.values.items():
            is_time = METRICS[name].kind is Kind.TIME
            if is_time and value.unit is None and not unit_of(value.metric):
                raise problem(f"values.{name}: {value.metric} doesn't say its unit: add unit: s, ms or us")
            if not is_time and value.unit is not None:
                raise problem(f"values.{name}: unit is for times, and {name} is none")
        return self


class LogValueSection(Block):
    """A regular expression that is searched for in each line; its first group is the number."""

    matches: _Text
    unit: _Unit | None = Field(default=None, description="of times; ms by default")

    @model_validator(mode="after")
    def _is_regex(self) -> LogValueSection:
        try:
            re.compile(self.matches.encode())
        except re.error as error:
            raise problem(f"got {self.matches}, which is no regular expression: {error}") from None
        return self


def _log_value(value: Any) -> Any:
    return {"matches": value} if isinstance(value, str) else value


LogValue = Annotated[
    LogValueSection, BeforeValidator(_log_value, json_schema_input_type=str | LogValueSection)
]


class LogSection(Block):
    """A log file on the machine that the test is run from; a path is relative to the target's file."""

    file: _Text
    values: dict[
        Figure,
        Annotated[LogValueSection, BeforeValidator(_log_value, json_schema_input_type=str | LogValueSection)],
    ] = Field(min_length=1, max_length=_MOST_VALUES)

    @model_validator(mode="after")
    def _makes_sense(self) -> LogSection:
        for name, value in self.values.items():
            kind = METRICS[name].kind
            if kind is not Kind.COUNTER and not re.compile(value.matches.encode()).groups:
                raise problem(f"values.{name}: {value.matches} has no group: put the number in brackets")
            if kind is not Kind.TIME and value.unit is not None:
                raise problem(f"values.{name}: unit is for times, and {name} is none")
        return self


def _redis_url(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        has_port = parts.port != 0
    except ValueError:
        raise problem("need redis://HOST:PORT/DB, rediss://… for TLS, or unix:///PATH") from None
    is_place = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in ("redis", "rediss", "unix") or not is_place or not has_port:
        raise problem("need redis://HOST:PORT/DB, rediss://… for TLS, or unix:///PATH")
    if parts.password is not None or "password" in parts.query:
        raise problem("no password in a URL; put it into the environment, and its NAME into password_env")
    return value.strip()


class RedisSection(Block):
    """A Redis; besides what every Redis says, fields of INFO by name."""

    url: Annotated[str, AfterValidator(_redis_url)]
    password_env: EnvName | None = None
    values: dict[Figure, _Text] = Field(default_factory=dict, max_length=_MOST_VALUES)

    @model_validator(mode="after")
    def _has_no_times(self) -> RedisSection:
        for name in self.values:
            if METRICS[name].kind is Kind.TIME:
                raise problem(f"values.{name}: INFO has no single times; end the name otherwise")
        return self


class MonitorSection(Block):
    """What a target says of how it can be watched."""

    process: Annotated[
        ProcessSection | None, BeforeValidator(_process, json_schema_input_type=ProcessSection | int | str)
    ] = None
    prometheus: Annotated[
        list[PageSection],
        BeforeValidator(_one_or_more, json_schema_input_type=list[PageSection] | PageSection),
    ] = Field(default_factory=list, max_length=8)
    log: Annotated[
        list[LogSection], BeforeValidator(_one_or_more, json_schema_input_type=list[LogSection] | LogSection)
    ] = Field(default_factory=list, max_length=8)
    redis: RedisSection | None = None

    @model_validator(mode="after")
    def _names_each_once(self) -> MonitorSection:
        counted = Counter(name for source in self._named() for name in source)
        twice = next((name for name, count in counted.items() if count > 1), None)
        if twice is not None:
            raise problem(f"{twice} is given by two monitors; name one of them otherwise, such as {twice}_2")
        return self

    @model_validator(mode="after")
    def _is_told_apart_at_prometheus(self) -> MonitorSection:
        """From each other, and from all that we know, since a preset or --target-process may bring any."""
        owners = {
            series: name for name in METRICS if METRICS[name].is_monitored for series in series_of(name)
        }
        for name in (name for source in self._named() for name in source):
            for series in series_of(name):
                other = owners.setdefault(series, name)
                if other != name:
                    free = f"target_own_{name.removeprefix('target_')}"
                    raise problem(
                        f"{name} and {other} would both be {series} for Prometheus;"
                        f" name one of them otherwise, such as {free}"
                    )
        return self

    def watching(self, process: ProcessSection) -> MonitorSection:
        """The same with another process; ValidationError if a figure of it is another monitor's already."""
        return MonitorSection.model_validate({**self.model_dump(), "process": process.model_dump()})

    def figures(self, gateway: str) -> frozenset[str]:
        """The metrics that it may give for a target with this gateway's preset."""
        found = {name for source in self._named() for name in source}
        for page in self.prometheus:
            found |= page.known(gateway).keys()
        shares = (name for name, parts in MONITORED_SHARES.items() if found.issuperset(parts))
        return frozenset(found).union(shares)

    def _named(self) -> Iterator[Mapping[str, object]]:
        yield from (page.values for page in self.prometheus)
        yield from (log.values for log in self.log)
        if self.process is not None:
            yield dict.fromkeys(OF_PROCESS)
        if self.redis is not None:
            yield {**OF_REDIS, **self.redis.values}
