"""The paired arm: some calls go past the gateway, so that what it adds can be measured in the same run."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.target import Target
from tokenswarm.profile.values import Block, Share, problem


def _some_of_each(share: float) -> float:
    if not 0 < share < 1:
        raise problem(f"got {share:.0%}, need more than 0% and less than 100%: each arm needs calls")
    return share


class Paired(Block):
    """Calls to the provider itself, in between those to the gateway."""

    share: Annotated[Share, AfterValidator(_some_of_each)] = Field(
        description="share of all calls that go straight to the target's provider"
    )


def provider_of(target: Target, paired: Paired | None) -> Target | None:
    """Where the paired arm aims; None without one. ConfigurationError if the target names no provider."""
    if paired is None:
        return None
    direct = target.direct
    if direct is None:
        raise ConfigurationError(
            f"target {target.name}: the profile sends {paired.share:.0%} of the calls to the provider itself"
            " (paired), and this target names none; write `provider: {url: …}` into a target file"
        )
    return direct
