"""One run, fully decided: what every node must know, in a form that Locust can carry to its workers.

No secret is in it: the target names the environment variable that holds the key, and each worker reads
its own environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import uuid4

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.interval import interval_width_s
from tokenswarm.metrics.moments import moment_width_s
from tokenswarm.metrics.source import StageSpan
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.profile.arrivals import Schedule
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.paired import provider_of
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, Resolved, resolve
from tokenswarm.profile.schema import Profile, Stage
from tokenswarm.profile.share import Membership
from tokenswarm.profile.target import Target

_LEAD_S: Final = 1.0
# A second of silence is what a live display and an abort can bear. A thousand workers report every 3 s:
# more than this the master would spend a core on.
_REPORT_INTERVAL_S: Final = 1.0
_MOST_REPORTS_PER_S: Final = 333
# Without a profile, Locust's own options say how many users, and for how long.
_NO_PROFILE: Final = {"name": "locust", "stages": [{"name": "run", "duration": "1s", "users": 1}]}


@dataclass(frozen=True, slots=True)
class ShareChange:
    """From that time of the run on, these workers share the open arrivals."""

    from_s: float
    members: tuple[str, ...]  # Locust's ids, in order

    def membership_of(self, client_id: str) -> Membership:
        """Which of them a worker is."""
        members = self.members
        return Membership(members.index(client_id) if client_id in members else None, max(1, len(members)))

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> ShareChange:
        """What `asdict` made of one."""
        return cls(float(data["from_s"]), tuple(data["members"]))


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What is sent where, when and how much. Times are seconds since the run's start."""

    scenario: str
    profile: Profile
    target: Target
    objectives_s: Mapping[str, float]
    seed: int
    run_id: str  # new for each run: no prompt of an earlier run is repeated
    is_open_ended: bool = False
    members: tuple[str, ...] = ()  # Locust's ids of the workers that share open arrivals, in order
    thresholds: tuple[Threshold, ...] = ()  # judged where the test is run from; not sent to workers
    resolved: Resolved | None = None  # all that the names meant; not sent to workers
    elapsed_s: float = 0.0  # how long the run had gone on when this plan was sent: a worker may join late
    changes: tuple[ShareChange, ...] = ()  # since the run's start, when this plan was sent
    keys: tuple[str, ...] = ()  # NAMES of variables that hold the targets' keys where the test is run from
    # The profile's stages, laid out in time: asked at each call, so made once.
    stages: StagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", StagePlan(self.profile.stages))

    @property
    def provider(self) -> Target | None:
        """Where the paired arm's calls go; None without one."""
        return provider_of(self.target, self.profile.paired)

    @property
    def total_s(self) -> float:
        """How long the profile lasts."""
        return self.stages.total_s

    @property
    def is_open(self) -> bool:
        """Whether calls start by the clock."""
        return self.profile.arrivals is not None

    @property
    def lead_s(self) -> float:
        """How long before the run's time 0 the test starts: arrivals need users that are there already."""
        return _LEAD_S if self.is_open else 0.0

    @property
    def users(self) -> int | None:
        """The users of the open model, there from before the start to after the end; None in the closed."""
        return self.profile.max_in_flight if self.is_open else None

    def schedule(self) -> Schedule:
        """All arrivals of the open model."""
        profile = self.profile
        assert profile.arrivals is not None
        return Schedule(self.stages, profile.arrivals, self.seed, profile.burstiness)

    @property
    def counted_stage(self) -> Stage | None:
        """The last stage of the closed model, if it ends with its last call and not by the clock."""
        last = self.profile.stages[-1]
        return last if last.requests is not None and not self.is_open else None

    def quota_of(self, client_id: str) -> int:
        """How many calls of the counted stage are this worker's; the workers' add up to all."""
        stage = self.counted_stage
        own = self.membership_of(client_id)
        if stage is None or stage.requests is None or own.worker is None:
            return 0
        return stage.requests // own.workers + (own.worker < stage.requests % own.workers)

    def membership_of(self, client_id: str) -> Membership:
        """Which of the workers that share the arrivals this one is."""
        return ShareChange(0.0, self.members).membership_of(client_id)

    @property
    def width_s(self) -> float:
        """The width of one interval of measurements."""
        return interval_width_s(self.total_s, self.report_interval_s)

    @property
    def report_interval_s(self) -> float:
        """How often each worker reports."""
        return max(_REPORT_INTERVAL_S, len(self.members) / _MOST_REPORTS_PER_S)

    @property
    def moment_s(self) -> float | None:
        """The width of a moment, in which calls are counted beside actions; None without actions."""
        return moment_width_s(self.total_s) if self.profile.actions else None

    @property
    def longest_call_s(self) -> float:
        """When the last call that was started has certainly ended."""
        return self.profile.timeouts.total_s + 1.0

    def stage_spans(self) -> Sequence[StageSpan]:
        """The stages as planned."""
        return self.stages.spans()

    def to_wire(self) -> dict[str, Any]:
        """Plain types for Locust's messages."""
        return {
            "scenario": self.scenario,
            "profile": self.profile.resolved(),
            "target": self.target.resolved(),
            "objectives_s": dict(self.objectives_s),
            "seed": self.seed,
            "run_id": self.run_id,
            "is_open_ended": self.is_open_ended,
            "members": list(self.members),
            "elapsed_s": self.elapsed_s,
            "changes": [asdict(change) for change in self.changes],
            "keys": list(self.keys),
        }

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> RunPlan:
        """The plan that `to_wire` wrote."""
        return cls(
            scenario=data["scenario"],
            profile=Profile.from_resolved(data["profile"]),
            target=Target.from_resolved(data["target"]),
            objectives_s=data["objectives_s"],
            seed=data["seed"],
            run_id=data["run_id"],
            is_open_ended=data["is_open_ended"],
            members=tuple(data["members"]),
            elapsed_s=data["elapsed_s"],
            changes=tuple(ShareChange.from_wire(change) for change in data["changes"]),
            keys=tuple(data["keys"]),
        )


def build_plan(
    names: Names,
    *,
    scenario: str,
    seed: int,
    places: SearchPath,
    environ: Mapping[str, str],
    changes: Mapping[str, Any] | None = None,
) -> RunPlan:
    """The plan that options name, "" for no profile; raises ConfigurationError with what is wrong.

    `changes` replace what the profile says under these keys.
    """
    if not names.target:
        raise ConfigurationError(
            "no target: give --host URL or --target NAME|URL. "
            "To try without a gateway, run `tokenswarm mock gateway` and use --host http://127.0.0.1:8000"
        )
    without = None if names.profile else Profile.from_resolved({**_NO_PROFILE, "scenario": scenario})
    if changes:
        base = without or load_profile(names.profile, places, environ)
        # What is wrong now is not the file's fault.
        changed = Profile.from_resolved({**base.resolved(), **changes}, "instead of the profile's own")
        without = changed.from_file(base.file)
    resolved = resolve(names, places, environ, without)
    profile, slo = resolved.profile, resolved.slo
    if profile.scenario != scenario:
        raise ConfigurationError(
            f"profile {profile.name} is for locustfiles/{profile.scenario}.py, and this is {scenario}.py"
        )
    assert resolved.target is not None
    aims = (resolved.target, provider_of(resolved.target, profile.paired))
    return RunPlan(
        scenario=scenario,
        profile=profile,
        target=resolved.target,
        objectives_s=slo.objectives_s if slo is not None else {},
        seed=seed,
        run_id=uuid4().hex[:12],
        is_open_ended=not names.profile,
        thresholds=resolved.thresholds,
        resolved=resolved,
        keys=tuple(sorted({aim.key_env for aim in aims if aim is not None and aim.key(environ)})),
    )
