"""All lines that a run is judged by: the SLO's, the profile's own, and those its settings imply."""

from __future__ import annotations

from typing import Final

from tokenswarm.errors import ProfileError
from tokenswarm.metrics.threshold_check import Surroundings
from tokenswarm.metrics.thresholds import Threshold
from tokenswarm.profile.problems import dotted
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.slo import Slo
from tokenswarm.profile.threshold_lines import Line, Section, check_section, thresholds_in

_NO_RATE_LIMITS: Final[Section] = {"rate_limited_rate": [Line(threshold="<= 0%")]}


def thresholds_of(profile: Profile, slo: Slo | None) -> list[Threshold]:
    """Every line with the file that states it; a profile's line is added to the SLO's, and replaces none.

    ProfileError if the SLO names a stage that the profile hasn't, or goodput is asked of an SLO without
    objectives.
    """
    around = Surroundings({stage.name: stage.warmup for stage in profile.stages}, profile.scenario)
    sources = [(slo.file or slo.name, slo.thresholds)] if slo is not None else []
    sources.append((profile.file or profile.name, profile.thresholds))
    if profile.rate_limits == "fail":
        sources.append((f"{profile.file or profile.name}, rate_limits: fail", _NO_RATE_LIMITS))
    thresholds: list[Threshold] = []
    problems: list[str] = []
    for origin, section in sources:
        raw = {key: [line.model_dump(by_alias=True) for line in lines] for key, lines in section.items()}
        broken = [f"{origin} {dotted(path)}: {message}" for path, message in check_section(raw, around)]
        problems += broken
        if not broken:
            thresholds += thresholds_in(section, origin)
    if not (slo is not None and slo.objectives):
        problems += [
            f"{threshold.origin} thresholds.{threshold.subject}: goodput counts calls that meet the"
            " objectives of an SLO, and there are none; name an SLO that has some"
            for threshold in thresholds
            if threshold.subject.metric == "goodput"
        ]
    if problems:
        raise ProfileError(problems)
    return thresholds
