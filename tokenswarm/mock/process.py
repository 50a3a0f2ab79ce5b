"""A mock provider as a child process, and what it has counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from prometheus_client.parser import text_string_to_metric_families

from tokenswarm.mock.child import Child, Role
from tokenswarm.mock.effort import Effort
from tokenswarm.mock.options import MockOptions, arguments_of


@dataclass(frozen=True, slots=True)
class MockCounters:
    """What a mock has counted so far. `received` = `answered` + both cuts + `in_flight`, exactly."""

    received: int
    answered: int  # to the last byte, whatever the status
    cut_by_client: int
    cut_by_mock: int
    in_flight: int
    by_status: Mapping[int, int]  # of the answered ones
    stream_events: int
    effort: Effort
    websockets_opened: int = 0
    websockets_open: int = 0

    @property
    def cut(self) -> int:
        return self.cut_by_client + self.cut_by_mock


def parse_counters(text: str) -> MockCounters:
    """The counters in a mock's /metrics page."""
    single: dict[str, float] = {}
    by_status: dict[int, int] = {}
    cut: dict[str, int] = {}
    families = list(text_string_to_metric_families(text))
    for family in families:
        for sample in family.samples:
            match sample.name:
                case "tokenswarm_mock_calls_total":
                    status = int(sample.labels["status"])
                    by_status[status] = by_status.get(status, 0) + int(sample.value)
                case "tokenswarm_mock_calls_cut_total":
                    cut[sample.labels["by"]] = int(sample.value)
                case name:
                    single[name] = sample.value
    return MockCounters(
        received=int(single["tokenswarm_mock_calls_received_total"]),
        answered=sum(by_status.values()),
        cut_by_client=cut["client"],
        cut_by_mock=cut["mock"],
        in_flight=int(single["tokenswarm_mock_calls_in_flight"]),
        by_status=by_status,
        stream_events=int(single["tokenswarm_mock_stream_events_total"]),
        effort=Effort.told_by(families),
        websockets_opened=int(single.get("tokenswarm_mock_websockets_opened_total", 0)),
        websockets_open=int(single.get("tokenswarm_mock_websockets_open", 0)),
    )


class MockProcess(Child):
    """`with MockProcess(MockOptions(...)) as mock:` runs the provider's engine; `mock.url` is where.

    It ends when this process does, however that happens.
    """

    def __init__(self, options: MockOptions | None = None, role: Role = "gateway") -> None:
        self._options = replace(options or MockOptions(), stop_with_stdin=True)
        super().__init__(role, arguments_of(self._options))

    def again(self) -> MockProcess:
        """Another with these options on these very ports, not yet started: what a supervisor would start."""
        admin_port = None if self._options.admin_port is None else port_of(self.admin_url)
        return MockProcess(replace(self._options, port=port_of(self.url), admin_port=admin_port), self._role)

    def counters(self) -> MockCounters:
        """What the mock has counted up to now; ConnectionError if it doesn't answer."""
        return parse_counters(self.scrape())


def port_of(url: str) -> int:
    """Of a mock's URL."""
    return int(url.rpartition(":")[2])
