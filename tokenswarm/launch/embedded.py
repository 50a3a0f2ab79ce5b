"""What a run without a target goes to, on loopback: a mock gateway with its provider inside.

A profile that asks something of the gateway itself gets a mock gateway that really proxies, with a primary
and a secondary provider behind it in processes of their own, watched as a supervisor would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.witness import Counting
from tokenswarm.mock.keeper import Keeper
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.stack import Stack, provider_name, start_stack
from tokenswarm.profile.models import given_models
from tokenswarm.profile.scenario import dialect_of
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

# Quick enough for the SLOs of the shipped profiles, with a real spread. Its stamps make no two texts the
# same, so that a cache which hands out the wrong one is found out.
PROVIDER_PACE: Final = MockOptions(
    ttft="lognormal:20:0.25", itl="lognormal:1.5:0.3", tokens="p50:15:p99:40", orders=("stamp=1",)
)
# And with the metadata that edge-004 looks for; a gateway of its own adds that itself.
PACE: Final = MockOptions(
    ttft=PROVIDER_PACE.ttft, itl=PROVIDER_PACE.itl, tokens=PROVIDER_PACE.tokens, orders=("metadata=1",)
)
PROVIDERS: Final = 2
MODEL: Final = "mock"
CACHE_TTL_S: Final = 3600.0
CACHE_SIZE: Final = 100_000
# Gives a provider up soon, and looks soon whether it is back: faults of ten seconds have room for both.
FAILOVER: Final = {"upstream_timeout": 2.0, "breaker_failures": 3, "breaker_cooldown": 1.0}
TRUTH_LOGS: Final = "TOKENSWARM_TRUTH_LOGS"  # NAME of the variable: a folder for the stack's truth logs
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
    keeper: Keeper | None = None

    @property
    def processes(self) -> list[dict[str, Any]]:
        """For run.json, and for whoever wants to kill one."""
        if self.stack is None:
            return [{"name": "mock", "pid": self.front.pid, "url": self.target.url}]
        gateway = self.stack.gateway
        first = {"name": "gateway", "pid": gateway.pid, "url": gateway.url, "admin_url": gateway.admin_url}
        behind = (
            {"name": name, "pid": each.pid, "url": each.url, "admin_url": each.admin_url}
            for name, each in self.stack.named_providers.items()
        )
        return [first, *behind]

    @property
    def behind(self) -> tuple[MockProcess, ...]:
        """The providers behind the gateway."""
        return self.stack.providers if self.stack is not None else ()


def needs_gateway(profile: Profile) -> bool:
    """Whether the profile is about what only a gateway with providers of its own has.

    The paired arm goes past the gateway, and so wants a provider that stands apart; so do actions on one; a
    cache must have some. WebSockets are not proxied.
    """
    is_socket = dialect_of(profile.scenario) in SOCKET_DIALECTS
    wants_stack = profile.paired is not None or profile.cache is not None or bool(_acted_on(profile))
    return not is_socket and wants_stack


def _acted_on(profile: Profile) -> set[str]:
    """Names of whom the profile's actions go to."""
    return {action.to for action in profile.actions if action.to is not None}


@contextmanager
def embedded(profile: Profile, model: str | None) -> Iterator[Embedded]:
    """Runs what this profile needs, for as long as the block lasts; `model` is what the user asked for."""
    if needs_gateway(profile):
        with (
            start_stack(_providers(os.environ), **gateway_options(profile)) as stack,
            Keeper(stack) as keeper,
        ):
            target = _target(
                profile,
                model,
                stack.url,
                provider={"url": stack.providers[0].url},
                gateway=GATEWAY,
                signals=SIGNALS,
                monitor=_monitor_of(stack),
                admin_urls={
                    "gateway": stack.admin_url,
                    **{name: each.admin_url for name, each in stack.named_providers.items()},
                },
            )
            for action in profile.actions:
                action.url_on(target)
            yield Embedded(target, stack.gateway, stack, keeper)
    else:
        with MockProcess(PACE) as mock:
            yield Embedded(_target(profile, model, mock.url, monitor={"process": mock.pid}), mock)


def _monitor_of(stack: Stack) -> dict[str, Any]:
    monitor: dict[str, Any] = {"process": stack.gateway.pid, "prometheus": {"url": stack.metrics_url}}
    if stack.redis is not None:
        monitor["redis"] = {"url": stack.redis.url}
    return monitor


def gateway_options(profile: Profile) -> dict[str, Any]:
    """What the gateway in front is to do for this profile: GatewayOptions by name, and `with_redis`."""
    options: dict[str, Any] = {"style": GATEWAY}
    log = _truth_log(os.environ, "gateway")
    if log is not None:
        options["truth_log"] = log
    if _acted_on(profile) - {"gateway"}:
        options |= FAILOVER
    if profile.cache is not None:
        ttl_s = profile.cache.ttl_s or CACHE_TTL_S
        # Room enough for all that is asked: what isn't there any more shall have expired.
        options |= {"l1_ttl": ttl_s, "l1_size": CACHE_SIZE, "l2": profile.cache.varied > 0, "l2_ttl": ttl_s}
    return options


def _providers(environ: Mapping[str, str]) -> list[MockOptions]:
    names = map(provider_name, range(PROVIDERS))
    return [replace(PROVIDER_PACE, truth_log=_truth_log(environ, name)) for name in names]


def _truth_log(environ: Mapping[str, str], name: str) -> Path | None:
    folder = environ.get(TRUTH_LOGS)
    if not folder:
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{TRUTH_LOGS}={folder}: {error.strerror}; name a folder that can be written"
        ) from None
    return Path(folder).resolve() / f"{name}.jsonl"


def _target(profile: Profile, model: str | None, url: str, **more: Any) -> Target:
    said = {"name": "mock", "url": url, "dialect": dialect_of(profile.scenario)}
    return Target.model_validate({**said, **given_models(model or MODEL), **more})
