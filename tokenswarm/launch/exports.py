"""Where a run's figures go while it goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exports:
    """None or empty for what isn't wanted."""

    prometheus_port: int | None = None
    prometheus_host: str | None = None
    influx: str | None = None  # the address that points are written to

    def options(self) -> list[str]:
        """Locust's, as swarm/options.py has them."""
        said = {
            "--prometheus-port": self.prometheus_port,
            "--prometheus-host": self.prometheus_host,
            "--influx": self.influx,
        }
        return [part for name, value in said.items() if value for part in (name, str(value))]
