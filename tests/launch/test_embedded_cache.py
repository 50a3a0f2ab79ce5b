"""What a profile about a cache goes to when it names no target."""

from __future__ import annotations

from tokenswarm.launch.embedded import gateway_options, needs_gateway
from tokenswarm.profile.schema import Profile

STAGES = {"name": "p", "stages": [{"name": "hold", "duration": "10s", "users": 1}]}


def options(**cache: object) -> dict[str, object]:
    profile = Profile.model_validate({**STAGES, "cache": cache})
    assert needs_gateway(profile)
    return gateway_options(profile)


def test_a_cache_gets_the_layers_and_the_time_to_live_that_the_profile_is_about() -> None:
    """Other wordings need a cache that understands them; what expires must do so in time."""
    both = options(exact=1, varied=1, expired=1, ttl="4s")
    assert (both["l1_ttl"], both["l2"], both["l2_ttl"]) == (4.0, True, 4.0)
    only = options(exact=1)
    assert (only["l1_ttl"], only["l2"]) == (3600.0, False)
    assert "l1_ttl" not in gateway_options(Profile.model_validate({**STAGES, "paired": {"share": "30%"}}))
