"""A gateway and the providers behind it, started together: what a profile about caches or failover needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.proxy.process import GatewayProcess
from tokenswarm.mock.redis_server import RedisServer

NAMES: Final = ("primary", "secondary")


@dataclass(frozen=True, slots=True)
class Stack:
    """All that runs. `providers` are in order of priority, each with an admin port of its own."""

    gateway: GatewayProcess
    providers: tuple[MockProcess, ...]
    redis: RedisServer | None

    @property
    def url(self) -> str:
        """Where to aim."""
        return self.gateway.url

    @property
    def admin_url(self) -> str:
        """The gateway's: `POST {admin_url}/admin/providers/primary`."""
        return self.gateway.admin_url

    @property
    def named_providers(self) -> Mapping[str, MockProcess]:
        """By the names that the gateway has for them."""
        return {provider_name(index): each for index, each in enumerate(self.providers)}

    @property
    def metrics_url(self) -> str:
        return f"{self.gateway.admin_url}/metrics"


@contextmanager
def start_stack(
    providers: Sequence[MockOptions] = (MockOptions(),), *, with_redis: bool = False, **gateway: Any
) -> Iterator[Stack]:
    """Start the providers, a Redis if wanted, and a gateway with these GatewayOptions in front.

    ConfigurationError if an option is wrong, or redis-server isn't there.
    """
    with ExitStack() as stack:
        running = tuple(
            stack.enter_context(MockProcess(_with_admin_port(options), role="provider"))
            for options in providers
        )
        redis = stack.enter_context(RedisServer()) if with_redis else None
        if redis is not None:
            gateway["redis"] = redis.url
        upstreams = tuple(f"{each.url}={provider_name(index)}" for index, each in enumerate(running))
        front = GatewayProcess(GatewayOptions(upstreams, **{"admin_port": 0, **gateway}))
        yield Stack(stack.enter_context(front), running, redis)


def provider_name(index: int) -> str:
    """How the gateway calls the provider of that priority, from 0."""
    return NAMES[index] if index < len(NAMES) else f"provider-{index + 1}"


def _with_admin_port(options: MockOptions) -> MockOptions:
    return options if options.admin_port is not None else replace(options, admin_port=0)
