"""What is run, against what and how: the facts that run.json begins with."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import Any

from tokenswarm import __version__
from tokenswarm.metrics.interval import interval_width_s
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.resolve import Resolved
from tokenswarm.profile.target import Target


@dataclass(frozen=True, slots=True)
class Started:
    """How the run was started."""

    time_scale: float
    seed: int
    workers: int
    locust_command: str


def facts_of(resolved: Resolved, target: Target, started: Started, *, is_mock: bool) -> dict[str, Any]:
    """What run.json holds of a run that begins, but for its environment and its end."""
    profile, slo = resolved.profile, resolved.slo
    stages = StagePlan(profile.stages)
    users = {stage.name: stage.users for stage in profile.stages}
    return {
        "tool": {"name": "tokenswarm", "version": __version__},
        "scenario": profile.scenario,
        "profile": {
            "name": profile.name,
            "file": profile.file,
            "sha256": profile.sha256,
            "resolved": profile.resolved(),
        },
        "slo": None
        if slo is None
        else {"name": slo.name, "file": slo.file, "sha256": slo.sha256, "resolved": slo.resolved()},
        "target": {
            "name": target.name,
            "url": target.url,
            "dialect": target.dialect,
            "model": target.shown_model,
            "models": [model.model_dump(mode="json") for model in target.asked],
            "gzip": target.gzip,
            "gateway": target.gateway,
            "signals": [signal.rule().name for signal in target.signals],
            "is_embedded_mock": is_mock,
            "provider": target.provider.url if target.provider is not None else None,
        },
        "stages": [
            {
                "name": span.name,
                "start_s": span.start_s,
                "end_s": span.end_s,
                "is_warmup": span.is_warmup,
                "users": users[span.name],
            }
            for span in stages.spans()
        ],
        "time_scale": started.time_scale,
        "seed": started.seed,
        "workers": started.workers,
        "width_s": interval_width_s(stages.total_s),
        "command": shlex.join(["tokenswarm", *sys.argv[1:]]),
        "locust_command": started.locust_command,
    }
