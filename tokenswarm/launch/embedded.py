"""What a run without a target goes to, on loopback: a mock gateway with its provider inside.

A profile that asks something of the gateway itself gets a mock gateway that really proxies, with a primary
and a secondary provider behind it in processes of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tokenswarm.launch.witness import Counting
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.stack import Stack, start_stack
from tokenswarm.profile.models import given_models
from tokenswarm.profile.scenario import dialect_of
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

# Quick enough for the SLOs of the shipped profiles, with a real spread.
PROVIDER_PACE: Final = MockOptions(ttft="lognormal:20:0.25", itl="lognormal:1.5:0.3", tokens="p50:15:p99:40")
# And with the metadata that edge-004 looks for; a gateway of its own adds that itself.
PACE: Final = MockOptions(
    ttft=PROVIDER_PACE.ttft, itl=PROVIDER_PACE.itl, tokens=PROVIDER_PACE.tokens, orders=("metadata=1",)
)
PROVIDERS: Final = 2
MODEL: Final = "mock"
CACHE_TTL_S: Final = 3600.0
CACHE_SIZE: Final = 100_000
# How the gateway of a stack speaks. What its preset doesn't read has rules of its own.
GATEWAY: Final = "llm-edge-agent"
SIGNALS: Final = (
    {"gives": "overhead", "header": "x-llm-edge-overhead-ms"},
    {"gives": "upstream_time", "header": "x-llm-edge-provider-latency-ms"},
)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Where to aim, what counts the calls that came, and the stack it is part of, if it is one."""

    target: Target
    front: Counting
    stack: Stack | None = None

    @property
    def behind(self) -> tuple[MockProcess, ...]:
        """The providers behind the gateway."""
        return self.stack.providers if self.stack is not None else ()


def needs_gateway(profile: Profile) -> bool:
    """Whether the profile is about what only a gateway with providers of its own has.

    The paired arm goes past the gateway, and so wants a provider that stands apart; a cache must have some.
    WebSockets are not proxied.
    """
    is_socket = dialect_of(profile.scenario) in SOCKET_DIALECTS
    return not is_socket and (profile.paired is not None or profile.cache is not None)


@contextmanager
def embedded(profile: Profile, model: str | None) -> Iterator[Embedded]:
    """Runs what this profile needs, for as long as the block lasts; `model` is what the user asked for."""
    if needs_gateway(profile):
        with start_stack((PROVIDER_PACE,) * PROVIDERS, **gateway_options(profile)) as stack:
            provider = {"url": stack.providers[0].url}
            target = _target(profile, model, stack.url, provider=provider, gateway=GATEWAY, signals=SIGNALS)
            yield Embedded(target, stack.gateway, stack)
    else:
        with MockProcess(PACE) as mock:
            yield Embedded(_target(profile, model, mock.url), mock)


def gateway_options(profile: Profile) -> dict[str, Any]:
    """What the gateway in front is to do for this profile: GatewayOptions by name, and `with_redis`."""
    options: dict[str, Any] = {"style": GATEWAY}
    if profile.cache is not None:
        ttl_s = profile.cache.ttl_s or CACHE_TTL_S
        # Room enough for all that is asked: what isn't there any more shall have expired.
        options |= {"l1_ttl": ttl_s, "l1_size": CACHE_SIZE, "l2": profile.cache.varied > 0, "l2_ttl": ttl_s}
    return options


def _target(profile: Profile, model: str | None, url: str, **more: Any) -> Target:
    said = {"name": "mock", "url": url, "dialect": dialect_of(profile.scenario)}
    return Target.model_validate({**said, **given_models(model or MODEL), **more})
