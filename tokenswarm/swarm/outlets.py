"""Where figures go while runs go: a page for Prometheus, the same for all runs, and points to InfluxDB."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from tokenswarm.exporters.influx_target import influx_of
from tokenswarm.exporters.scrape_address import ScrapeAddress
from tokenswarm.metrics.standing import Standing
from tokenswarm.voice import say

if TYPE_CHECKING:
    from tokenswarm.exporters.influx import InfluxExport
    from tokenswarm.exporters.scrape_server import ScrapeServer


class Outlets:
    """Those that the options name. What sends or serves is imported only for who asked for it: together they
    take 80 ms of CPU at the start of each process; and here, so that no call has to wait for it."""

    def __init__(self, options: Namespace, standing: Callable[[], Standing | None]) -> None:
        """ConfigurationError if nothing can be served or sent so; a port that is taken is `problem`."""
        self._new_influx: Callable[[Callable[[], Standing]], InfluxExport] | None = None
        self._server: ScrapeServer | None = None
        if options.influx:
            target = influx_of(options.influx)
            from tokenswarm.exporters.influx import InfluxExport

            self._new_influx = lambda own: InfluxExport(target, own, _say)
        if options.prometheus_port:
            address = ScrapeAddress.read(options.prometheus_port, options.prometheus_host)
            from tokenswarm.exporters.scrape_server import ScrapeServer

            self._server = ScrapeServer(address, standing)
            if self.problem:
                _say(f"{self.problem}; the run goes on without")

    @property
    def problem(self) -> str:
        """Why nobody can scrape; "" if all is well, or nobody asked for it."""
        return self._server.problem if self._server is not None else ""

    def begin(self, standing: Callable[[], Standing]) -> InfluxExport | None:
        """Send the points of a run that starts now, if they are wanted."""
        return self._new_influx(standing) if self._new_influx is not None else None

    def linger(self) -> None:
        """Before the process ends, let the last figures be scraped."""
        if self._server is not None:
            self._server.linger()


def _say(line: str) -> None:
    say(f"tokenswarm: {line}")
