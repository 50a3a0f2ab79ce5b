"""An SLO: what is good enough, whatever the load, and what to look at when it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.collector import OBJECTIVES
from tokenswarm.metrics.suggestion import not_one_of
from tokenswarm.profile.threshold_lines import Section
from tokenswarm.profile.values import Document, Name, PositiveDuration
from tokenswarm.profile.yaml_tree import Path

# Keys that name a metric, and which ones each may name.
_METRIC_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "objectives": tuple(OBJECTIVES),
    "hints": tuple(METRICS),
}


class Slo(Document):
    """What `profiles/slo/NAME.yaml` says."""

    name: Name
    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    objectives: dict[str, PositiveDuration] = Field(
        default_factory=dict, description="what one call must meet to count as good: goodput"
    )
    thresholds: Section = Field(default_factory=dict)
    hints: dict[str, list[str]] = Field(
        default_factory=dict, description="metric → what to check first when it breaks a line"
    )

    @property
    def objectives_s(self) -> dict[str, float]:
        """Metric of a call → its limit in seconds."""
        return dict(self.objectives)


def check_metric_keys(data: Any) -> Iterator[tuple[Path, str]]:
    """Keys of `objectives` and `hints` that name no such metric."""
    for section, allowed in _METRIC_KEYS.items():
        block = data.get(section)
        for key in block if isinstance(block, dict) else ():
            # What a target's own metrics are called, only its file knows.
            is_own = section == "hints" and key in METRICS
            if key not in allowed and not is_own:
                yield (section, key), not_one_of(key, allowed)
