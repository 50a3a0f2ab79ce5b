"""What a run without a target goes to: a mock gateway with its provider inside, on loopback.

A profile with a paired arm needs a provider to go past it to; a second mock, as quick, stands for that. What
is then measured is what network and load generator add by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.profile.models import given_models
from tokenswarm.profile.scenario import dialect_of
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target

# Quick enough for the SLOs of the shipped profiles, with a real spread, and with the metadata that edge-004
# looks for.
PACE: Final = MockOptions(
    ttft="lognormal:20:0.25", itl="lognormal:1.5:0.3", tokens="p50:15:p99:40", orders=("metadata=1",)
)
MODEL: Final = "mock"


@dataclass(frozen=True, slots=True)
class Embedded:
    """Where to aim, and the mock gateway that counts what came."""

    target: Target
    mock: MockProcess


@contextmanager
def embedded(profile: Profile, model: str | None) -> Iterator[Embedded]:
    """Runs what this profile needs, for as long as the block lasts; `model` is what the user asked for."""
    with ExitStack() as stack:
        mock = stack.enter_context(MockProcess(PACE))
        said = {"name": "mock", "url": mock.url, "dialect": dialect_of(profile.scenario)}
        provider = None
        if profile.paired is not None:
            provider = {"url": stack.enter_context(MockProcess(PACE)).url}
        target = Target.model_validate({**said, **given_models(model or MODEL), "provider": provider})
        yield Embedded(target, mock)
