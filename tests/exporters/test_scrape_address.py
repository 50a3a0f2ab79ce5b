"""A port for Prometheus: which can be, which can't, and which is only taken."""

from __future__ import annotations

import socket

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.exporters.scrape_address import ScrapeAddress
from tokenswarm.exporters.scrape_server import ScrapeServer


@pytest.mark.parametrize("port", ["rubbish", "", "-1", 0, 65_536, "9646.5"])
def test_what_is_no_port_is_refused(port: str | int) -> None:
    """With those that are."""
    with pytest.raises(ConfigurationError, match=f"got {port}, need a port from 1 to 65535"):
        ScrapeAddress.read(port, "127.0.0.1")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 70 + ".example", "::1::"])
def test_an_address_of_no_machine_or_another_is_refused(host: str) -> None:
    """By who checks beforehand, and by the server itself."""
    address = ScrapeAddress.read("9646", host)
    with pytest.raises(ConfigurationError, match="can't listen at"):
        address.check()
    with pytest.raises(ConfigurationError, match="can't listen at"):
        ScrapeServer(address, lambda: None)


def test_a_port_that_is_taken_is_a_problem_and_no_mistake() -> None:
    """It may be another run's, and that ends: ours goes on unseen, and lingers for nobody."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = ScrapeAddress(taken.getsockname()[1])
        address.check()
        server = ScrapeServer(address, lambda: None)
        assert f"--prometheus-port {address.port}: somebody else listens at 127.0.0.1" in server.problem
        server.linger()
    address.check()
    server = ScrapeServer(address, lambda: None)
    assert not server.problem
    with pytest.raises(OSError, match="in use"):
        socket.create_server(("127.0.0.1", address.port))
    server.stop()
