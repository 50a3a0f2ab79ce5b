"""The model that every renderer takes, and that summary.json holds.

Times of calls are milliseconds (`_ms`), times of the run seconds since its start (`_s`), shares from 0 to
1. None where there is no figure. `schema` grows when a key is renamed, removed or changes its meaning;
new keys don't change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from tokenswarm.report.action_row import ActionRow
from tokenswarm.report.answers import Answers
from tokenswarm.report.cache import CacheReport
from tokenswarm.report.comparison import Comparison
from tokenswarm.report.figures import plain_rate
from tokenswarm.report.load_curve import LoadCurve
from tokenswarm.report.overhead import Overhead
from tokenswarm.report.spectra import Spectrum
from tokenswarm.report.verdict import Outcome, Verdict

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class About:
    """What was run, where it was aimed, and when."""

    tool: str
    source: str  # the run folder's name, or the CSV prefix
    source_kind: str  # "run folder" or "Locust CSV"
    scenario: str = ""
    profile: str = ""
    profile_file: str = ""
    profile_sha256: str = ""
    slo: str = ""
    target: str = ""
    url: str = ""
    dialect: str = ""
    model: str = ""
    is_embedded_mock: bool = False
    started_at: str = ""
    lasted_s: float = 0.0
    planned_s: float = 0.0
    time_scale: float = 1.0
    seed: int = 0
    workers: int = 0
    command: str = ""
    locust_command: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One reason to trust the figures or not; `state` is good, note, warning or bad."""

    what: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One line judged. Numbers are in base units (seconds, shares, bytes), texts in the line's own."""

    line: str
    metric: str
    status: str
    grade: str
    value: float | None
    limit: float
    margin: float | None
    margin_share: float | None
    value_text: str
    limit_text: str
    margin_text: str
    samples: int
    first_breach_s: float | None
    reason: str
    note: str
    origin: str
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How one time was spread over one group of calls: `group` is all, prompt, streaming, stage or row."""

    metric: str
    group: str
    name: str
    count: int
    avg_ms: float | None
    min_ms: float | None
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    is_warmup: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """One figure over all judged stages; `text` has its unit."""

    metric: str
    what: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """One check of the profile's `expect:`, over all judged stages."""

    name: str
    met: int
    asked: int  # calls that the check was about
    share: float


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """Failures of one class and status, warm-ups included; `examples` are the target's own words."""

    outcome: str
    status: int
    count: int
    share: float  # of all failures
    first_s: float | None
    last_s: float | None
    examples: tuple[str, ...]
    arm: str = "gateway"  # or "provider": calls that went past the gateway
    request_id: str = ""  # of one of them, to look for in the gateway's log

    @property
    def example(self) -> str:
        """The commonest message, with the id of one such call."""
        said = self.examples[0] if self.examples else ""
        return f"{said} (request {self.request_id})".lstrip() if self.request_id else said

    @property
    def name(self) -> str:
        """For people: class, status and, past the gateway, where from."""
        words = (self.outcome, str(self.status or ""), "from the provider itself" * (self.arm == "provider"))
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage as it ran, with the users that it was to end with."""

    name: str
    start_s: float
    end_s: float
    is_warmup: bool
    users: int
    requests: int
    request_rate: float | None
    error_rate: float | None
    offered_rate: float | None = None  # open model: calls per second that were due
    is_aborted: bool = False  # a threshold ended the run in this stage


@dataclass(frozen=True, slots=True)
class Track:
    """One line of a chart: a value for each interval, None where there is none."""

    chart: str  # calls, users, latency, ttft, generator (ms), memory (MB) …, or monitored:METRIC
    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A threshold's limit as a chart shows it, over the stages that it is about."""

    chart: str
    name: str
    severity: str  # warn or fail
    value: float
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment that every chart shows."""

    at_s: float
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened when, interval by interval."""

    width_s: float
    at_s: tuple[float, ...]  # the start of each interval
    tracks: tuple[Track, ...]
    limits: tuple[LimitLine, ...]
    marks: tuple[Mark, ...] = ()

    def of(self, chart: str) -> list[Track]:
        """The tracks of one chart."""
        return [track for track in self.tracks if track.chart == chart]


@dataclass(frozen=True, slots=True)
class RateStep:
    """A stretch of a climb in the open model, and whether its limits held."""

    stage: str
    start_s: float
    end_s: float
    rate: float  # planned calls per second
    request_rate: float | None  # calls that ended per second
    latency_p95_ms: float | None
    effective_latency_p95_ms: float | None
    ttft_p95_ms: float | None
    error_rate: float | None
    dropped_rate: float | None
    state: str  # held, broke or unknown
    line: str  # what broke it


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """The highest planned rate whose limits held, and the one that broke them; None where there is none."""

    held_rate: float | None
    broke_rate: float | None
    broke_line: str
    steps: tuple[RateStep, ...]  # up to the one that broke

    @property
    def sentence(self) -> str:
        """For people."""
        if self.broke_rate is None:
            if self.held_rate is None:
                return "How much it carries can't be told: no step of the climb was measured well enough."
            highest = f"{plain_rate(self.held_rate)} calls/s"
            return f"It did not break: limits held up to {highest}, the highest that could be judged."
        broke = f"At {plain_rate(self.broke_rate)} calls/s it broke: {self.broke_line}."
        if self.held_rate is None:
            return f"{broke} At no lower rate is it known to have held."
        return f"Limits held up to {plain_rate(self.held_rate)} calls/s. {broke}"


@dataclass(frozen=True, slots=True)
class DriftRow:
    """How fast something rose or fell in the longest even stage. Times are ms, memory bytes."""

    metric: str  # latency, ttft or target_memory
    stage: str
    start_s: float
    end_s: float
    level: float  # its median
    per_hour: float
    per_hour_low: float  # of the 95 % interval
    per_hour_high: float
    share_per_hour: float  # of the level
    share_low: float
    share_high: float
    points: int
    is_zero_inside: bool
    level_text: str
    per_hour_text: str
    interval_text: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All that reports show of one run."""

    verdict: Verdict
    about: About
    checks: tuple[Check, ...]
    thresholds: tuple[ThresholdRow, ...]
    totals: tuple[Total, ...]
    spreads: tuple[Spread, ...]
    stages: tuple[StageRow, ...]
    errors: tuple[ErrorRow, ...]
    timeline: Timeline | None
    environment: Mapping[str, Any]
    configuration: Mapping[str, Any]  # profile, slo and target as resolved
    expected: tuple[ExpectedAnswer, ...] = ()
    breakpoint: Breakpoint | None = None
    drift: tuple[DriftRow, ...] = ()
    overhead: Overhead | None = None
    answers: Answers | None = None
    cache: CacheReport | None = None
    actions: tuple[ActionRow, ...] = ()
    spectra: tuple[Spectrum, ...] = ()
    load_curve: LoadCurve | None = None
    comparison: Comparison | None = None  # with a baseline, if one was given; it is no part of the verdict
    schema: int = SCHEMA

    @property
    def carries(self) -> str:
        """What a climb says of how much the target carries, for people; empty if there was none."""
        if self.breakpoint is None:
            return ""
        sentence = self.breakpoint.sentence
        if self.verdict.outcome != Outcome.INVALID:
            return sentence
        return f"As far as these figures can be trusted: {sentence[:1].lower()}{sentence[1:]}"

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON types, `schema` first."""
        plain = asdict(self)
        return {"schema": plain.pop("schema"), **plain}
