"""`tokenswarm worker`: waits until its master can be reached, and becomes a Locust worker."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.scenario import locustfile_of
from tokenswarm.voice import say

_TRY_S: Final = 2.0
_AGAIN_S: Final = 0.5
_MOST_FILES: Final = 65_536


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """The options of `tokenswarm worker`."""

    master: str
    port: int
    scenario: str  # or the path of a locustfile
    load_profile: str | None
    max_wait_s: float


def become_worker(request: WorkerRequest) -> NoReturn:
    """Wait for the master and turn this process into Locust's; ConfigurationError if none can be reached."""
    locustfile = _locustfile(request.scenario)
    deadline_s = time.monotonic() + request.max_wait_s
    address = _reachable(request.master.strip("[]"), request.port, deadline_s)
    _allow_many_files()
    command = [
        *(sys.executable, "-m", "locust", "--worker", "--locustfile", str(locustfile)),
        *("--master-host", address, "--master-port", str(request.port)),
        *("--master-max-wait", f"{max(1.0, deadline_s - time.monotonic()):.0f}"),
        # What a person needs to know, the worker says itself.
        *("--loglevel", "WARNING"),
    ]
    if request.load_profile:
        command += ["--load-profile", request.load_profile]
    # In this process's place: what signals it, and what waits for it, means Locust.
    os.execv(command[0], command)  # noqa: S606 - built above from checked parts; no shell is involved


def _locustfile(scenario: str) -> Path:
    if not scenario.endswith(".py"):
        return locustfile_of(scenario, Path.cwd())
    if not Path(scenario).is_file():
        raise ConfigurationError(
            f"--scenario {scenario}: no such file; give a scenario's name or a locustfile"
        )
    return Path(scenario)


def _reachable(host: str, port: int, deadline_s: float) -> str:
    """The first of the host's addresses at which somebody listens.

    The master's socket would try only one of them for ever, and `localhost` is two on most machines.
    """
    said = False
    while True:
        why = "the name has no address"
        for place in _places(host, port):
            try:
                with socket.create_connection((place, port), timeout=_TRY_S):
                    return place
            except OSError as error:
                why = error.strerror or "no answer"
        if time.monotonic() >= deadline_s:
            raise ConfigurationError(
                f"no master at {host} port {port}: {why}. Start one there with"
                " `tokenswarm run PROFILE --expect-workers N --bind-host ADDRESS`, and see whether a firewall"
                " lets the port through"
            )
        if not said:
            said = True
            say(f"tokenswarm worker: waiting for a master at {host} port {port} ({why})")
        time.sleep(_AGAIN_S)


def _places(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:  # in a cluster a name may come with the machine
        return []
    return [str(place[0]) for _, _, _, _, place in found]


def _allow_many_files() -> None:
    """A connection is an open file, and how many there will be only the master knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # then it stays as it is, and a call says so
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
