"""Where a run's figures go while it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokenswarm.exporters.influx_target import InfluxTarget
from tokenswarm.exporters.scrape_address import ScrapeAddress
from tokenswarm.loopback import LOOPBACK


@dataclass(frozen=True, slots=True)
class Exports:
    """None or empty for what isn't wanted."""

    prometheus_port: int | None = None
    prometheus_host: str | None = None
    influx: str | None = None  # the address that points are written to

    def check(self, environ: Mapping[str, str]) -> None:
        """ConfigurationError if nothing can be served or sent so; `environ` says what no option says.

        Locust finds the same, but only after the target was called.
        """
        influx = self.influx or environ.get("TOKENSWARM_INFLUX")
        if influx:
            InfluxTarget.read(influx, environ)
        port = self.prometheus_port or environ.get("TOKENSWARM_PROMETHEUS_PORT")
        if port and port != "0":  # Locust's own default: no port
            host = self.prometheus_host or environ.get("TOKENSWARM_PROMETHEUS_HOST") or LOOPBACK
            ScrapeAddress.read(port, host).check()

    def options(self) -> list[str]:
        """Locust's, as swarm/options.py has them."""
        said = {
            "--prometheus-port": self.prometheus_port,
            "--prometheus-host": self.prometheus_host,
            "--influx": self.influx,
        }
        return [part for name, value in said.items() if value for part in (name, str(value))]
