"""A proxying gateway as a child process, and what it has counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from prometheus_client.parser import text_string_to_metric_families

from tokenswarm.mock.child import Child
from tokenswarm.mock.effort import Effort
from tokenswarm.mock.options import arguments_of
from tokenswarm.mock.proxy.options import GatewayOptions


@dataclass(frozen=True, slots=True)
class GatewayCounters:
    """`received` = `answered` + both cuts + `in_flight`, exactly."""

    received: int
    answered: int
    cut_by_client: int
    cut_by_gateway: int
    in_flight: int
    limited: int
    misses: int
    hits: Mapping[str, int]  # by layer
    by_status: Mapping[int, int]
    by_provider: Mapping[str, int]  # answered; under the empty name those that no upstream answered
    attempts: Mapping[tuple[str, str], int]  # by upstream, and status or reason
    failovers: Mapping[str, int]  # by the upstream that was left
    circuit: Mapping[str, int]  # 0 closed, 1 half-open, 2 open
    l2_errors: int
    cost_usd: float
    effort: Effort

    @property
    def cut(self) -> int:
        return self.cut_by_client + self.cut_by_gateway

    def attempts_at(self, upstream: str) -> int:
        """All tries at it, whatever came of them."""
        return sum(number for (name, _), number in self.attempts.items() if name == upstream)


def parse_gateway_counters(text: str) -> GatewayCounters:
    """The counters in a gateway's /metrics page."""
    families: dict[str, dict[tuple[str, ...], float]] = {}
    told = list(text_string_to_metric_families(text))
    for family in told:
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            families.setdefault(sample.name, {})[labels] = sample.value

    def one(name: str) -> int:
        return int(families.get(name, {}).get((), 0))

    def by(name: str) -> dict[str, int]:
        return {labels[0]: int(value) for labels, value in families.get(name, {}).items()}

    own = "tokenswarm_mock_gateway_"
    cut = by(f"{own}cut_total")
    by_provider: dict[str, int] = {}
    for (provider, _), value in families.get("requests_total", {}).items():
        by_provider[provider] = by_provider.get(provider, 0) + int(value)
    return GatewayCounters(
        received=one(f"{own}received_total"),
        answered=sum(by_provider.values()),
        cut_by_client=cut["client"],
        cut_by_gateway=cut["gateway"],
        in_flight=one(f"{own}in_flight"),
        limited=one(f"{own}limited_total"),
        misses=one("llm_edge_cache_misses_total"),
        hits=by("llm_edge_cache_hits_total"),
        by_status={int(status): number for status, number in by("http_requests_total").items()},
        by_provider=by_provider,
        attempts={
            (upstream, outcome): int(value)
            for (outcome, upstream), value in families.get(f"{own}attempts_total", {}).items()
        },
        failovers=by(f"{own}failovers_total"),
        circuit=by(f"{own}circuit"),
        l2_errors=one(f"{own}l2_errors_total"),
        cost_usd=sum(families.get("llm_edge_cost_usd_total", {}).values()),
        effort=Effort.told_by(told),
    )


class GatewayProcess(Child):
    """`with GatewayProcess(GatewayOptions((provider.url,))) as gateway:` runs a gateway in front of them.

    It ends when this process does, however that happens.
    """

    def __init__(self, options: GatewayOptions) -> None:
        super().__init__("gateway", arguments_of(replace(options, stop_with_stdin=True)))

    def counters(self) -> GatewayCounters:
        """What it has counted up to now; ConnectionError if it doesn't answer."""
        return parse_gateway_counters(self.scrape())
