"""Where the users of a run live: in worker processes beside a master, or on other machines."""

from __future__ import annotations

import math
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tokenswarm.errors import ConfigurationError
from tokenswarm.loopback import LOOPBACK, free_port, is_loopback, why_not_listen
from tokenswarm.metrics.units import parse_duration

PORT: Final = 5557
_LOCAL_MAX_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class LocalFleet:
    """So many processes of this machine."""

    workers: int

    def options(self) -> list[str]:
        """For Locust's command line."""
        port = str(free_port())
        return [
            *("--processes", str(self.workers), "--expect-workers-max-wait", f"{_LOCAL_MAX_WAIT_S:g}"),
            # Locust's port has no authentication: loopback only.
            *("--master-bind-host", LOOPBACK, "--master-host", LOOPBACK),
            *("--master-bind-port", port, "--master-port", port),
        ]


@dataclass(frozen=True, slots=True)
class RemoteFleet:
    """Workers that somebody starts with `tokenswarm worker`."""

    workers: int
    bind_host: str = LOOPBACK
    port: int = PORT
    max_wait_s: float = 60.0

    def options(self) -> list[str]:
        """For Locust's command line; ConfigurationError if the address can't be listened at."""
        return [
            *("--master", "--master-bind-host", self._address(), "--master-bind-port", str(self.port)),
            *("--expect-workers", str(self.workers)),
            *("--expect-workers-max-wait", str(math.ceil(self.max_wait_s))),
        ]

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the master."""
        return is_loopback(self._address())

    def _address(self) -> str:
        """A number, since the master's socket takes no names."""
        host = self.bind_host.strip("[]")
        if host == "*":
            return host
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            raise ConfigurationError(f"--bind-host {self.bind_host}: {error.strerror}") from None
        return str(found[0][4][0])

    def check_address(self) -> None:
        """ConfigurationError, with the mend, if nobody could listen there now."""
        address = self._address()
        reason = why_not_listen("0.0.0.0" if address == "*" else address, self.port)  # noqa: S104 - as it was asked
        if reason:
            raise ConfigurationError(
                f"--bind-host {self.bind_host} --port {self.port}: can't listen there: {reason}; name an"
                " address of this machine and a port that is free: another master may have this one"
            )


Fleet = LocalFleet | RemoteFleet


def fleet_of(
    workers: int | None,
    expect_workers: int | None = None,
    bind_host: str | None = None,
    port: int | None = None,
    max_wait: str | None = None,
) -> Fleet | None:
    """What the command line says; ConfigurationError if its parts don't go together."""
    if expect_workers is None:
        of_masters = {"--bind-host": bind_host, "--port": port, "--expect-workers-max-wait": max_wait}
        for name, value in of_masters.items():
            if value is not None:
                raise ConfigurationError(f"{name}: only for a master; say --expect-workers N, too")
        return LocalFleet(workers) if workers is not None else None
    if workers is not None:
        raise ConfigurationError(
            "--workers starts processes here and --expect-workers waits for others: take one of them, and"
            " start `tokenswarm worker` on this machine, too, if it is to make load"
        )
    max_wait_s = seconds_of("--expect-workers-max-wait", max_wait or "60s")
    return RemoteFleet(expect_workers, bind_host or LOOPBACK, port or PORT, max_wait_s)


def seconds_of(option: str, text: str) -> float:
    """A duration on the command line."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from None
    if seconds < 1:
        raise ConfigurationError(f"{option}: got {text}, need a second at least")
    return seconds


def warnings_of(fleet: RemoteFleet, target_url: str) -> list[str]:
    """What works only by luck; ConfigurationError for the embedded mock ("") out of its workers' reach."""
    if fleet.is_loopback:
        return []
    if not target_url:
        raise ConfigurationError(
            "the embedded mock listens on loopback, and workers on other machines can't reach it: name a"
            " --target, such as a `tokenswarm mock gateway --host ADDRESS` of your own, or leave out"
            f" --bind-host (got {fleet.bind_host})"
        )
    place = f"{fleet.bind_host} port {fleet.port}"
    found = [f"the master listens at {place} without password or encryption; see docs/distributed.md"]
    if is_loopback(urlsplit(target_url).hostname or ""):
        found.append(f"target {target_url} is loopback: each worker calls its own machine")
    return found
