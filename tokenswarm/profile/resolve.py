"""What a command line names, read, scaled and checked against each other; all that is wrong is found here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.suggestion import did_you_mean, not_one_of
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.profile.cache import check_expiry
from tokenswarm.profile.load import load_profile, load_slo, load_target
from tokenswarm.profile.monitor import ProcessSection
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.paired import provider_of
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.scaling import scale_profile, scale_slo
from tokenswarm.profile.scenario import as_spoken, check_target, dialect_of
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.target import Target
from tokenswarm.profile.thresholds import thresholds_of
from tokenswarm.wire.dialect import DIALECTS
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS


@dataclass(frozen=True, slots=True)
class Names:
    """What the user typed; None where the profile or the mock decides."""

    profile: str
    target: str | None = None
    model: str | None = None
    slo: str | None = None
    time_scale: float = 1.0
    process: ProcessSection | None = None  # of the target, to be watched
    target_option: str = "--target"  # what named the target, for messages


@dataclass(frozen=True, slots=True)
class Resolved:
    """The same, read. `target` None: none was named."""

    profile: Profile
    slo: Slo | None
    thresholds: tuple[Threshold, ...]
    target: Target | None


def resolve(
    names: Names, places: SearchPath, environ: Mapping[str, str], profile: Profile | None = None
) -> Resolved:
    """Read everything, but a `profile` that is given; ConfigurationError with what is wrong."""
    profile = profile or load_profile(names.profile, places, environ)
    slo_name = names.slo or profile.slo
    slo = scale_slo(load_slo(slo_name, places, environ), names.time_scale) if slo_name else None
    target = (
        load_target(
            names.target,
            places,
            environ,
            model=names.model,
            dialects=(*DIALECTS, *SOCKET_DIALECTS),
            dialect=dialect_of(profile.scenario, names.target),
            option=names.target_option,
        )
        if names.target
        else None
    )
    if target is not None and names.process is not None:
        target = _watching(target, names.process)
    profile = as_spoken(profile, target.dialect if target is not None else dialect_of(profile.scenario))
    check_expiry(profile.cache, StagePlan(profile.stages).total_s)
    profile = scale_profile(profile, names.time_scale)
    if target is not None:
        check_target(profile.scenario, target)
        provider_of(target, profile.paired)
        for action in profile.actions:
            action.url_on(target)
    thresholds = tuple(thresholds_of(profile, slo))
    if target is not None:
        _check_models(thresholds, target)
        check_monitored(thresholds, target)
    return Resolved(profile, slo, thresholds, target)


def check_monitored(thresholds: Sequence[Threshold], target: Target) -> None:
    """ConfigurationError for a line about what no monitor of the target will give."""
    given = target.monitor.figures(target.gateway)
    for threshold in thresholds:
        metric = threshold.subject.metric
        if METRICS[metric].is_monitored and metric not in given and not threshold.if_measured:
            raise ConfigurationError(
                f"threshold {threshold.text}: no monitor of target {target.name} gives {metric}; "
                f"{_given(given)}{did_you_mean(metric, given)}. See `monitor:` in its file (monitors.md),"
                " --target-pid and --target-process, or say if_measured: true"
            )


def _given(figures: Collection[str]) -> str:
    return f"there are {', '.join(sorted(figures))}" if figures else "it has none"


def _watching(target: Target, process: ProcessSection) -> Target:
    try:
        monitor = target.monitor.watching(process)
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise ConfigurationError(f"--target-pid, --target-process: {said}") from None
    return target.model_copy(update={"monitor": monitor}).from_file(target.file, target.sha256)


def _check_models(thresholds: Sequence[Threshold], target: Target) -> None:
    """A line about a model that is never asked for would be inconclusive after the whole run."""
    names = [model.name for model in target.asked]
    for threshold in thresholds:
        model = dict(threshold.subject.labels).get("model")
        if model is not None and model not in names:
            raise ConfigurationError(f"threshold {threshold.text}: label model: {not_one_of(model, names)}")
