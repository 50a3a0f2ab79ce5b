"""`tokenswarm quick URL CONCURRENCY DURATION`: a closed profile made on the spot instead of read."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.metrics.units import parse_duration
from tokenswarm.profile.schema import Profile

# What no target may do, whatever it is for; how fast it must be only its owner knows.
_THRESHOLDS: Final = {"error_rate": ["< 1%"]}


def quick_profile(concurrency: int, duration: str, streaming: str) -> Profile:
    """So many users without a pause for so long; ConfigurationError if that is no load."""
    try:
        seconds = parse_duration(duration)
    except ValueError as error:
        raise ConfigurationError(f"DURATION: {error}") from None
    if not seconds:
        raise ConfigurationError(f"DURATION: got {duration}, need more than nothing, such as 30s")
    data = {
        "name": "quick",
        "description": f"{concurrency} calls in flight for {duration}",
        "stages": [{"name": "load", "duration": duration, "users": concurrency, "transition": "step"}],
        "streaming": streaming,
        "thresholds": _THRESHOLDS,
    }
    try:
        return Profile.model_validate(data).from_file("quick")
    except (ProfileError, ValidationError):
        # All else was checked above, or by the command line.
        raise ConfigurationError(
            f"--streaming: got {streaming}, need a share from 0% to 100%, such as 50%"
        ) from None
