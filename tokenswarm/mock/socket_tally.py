"""What the mock counts of WebSockets, beside the calls on them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class SocketTally(Collector):
    """Connections that were upgraded; read when Prometheus scrapes."""

    def __init__(self) -> None:
        self.opened = 0
        self.open = 0

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "tokenswarm_mock_websockets_opened", "Connections that became WebSockets.", value=self.opened
        )
        yield GaugeMetricFamily(
            "tokenswarm_mock_websockets_open", "WebSockets that are open.", value=self.open
        )
