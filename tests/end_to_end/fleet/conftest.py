"""A master and its workers: where they meet, who listens in between, and machines of their own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.loopback import free_port

EASY = "thresholds: {error_rate: '< 1%', latency: 'p(95) < 20s'}\n"


class Wiretap:
    """`with Wiretap(port) as tap:` listens at `tap.port` and hands on to that port of loopback."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._may_pass = threading.Event()
        self._may_pass.set()
        self._question: tuple[bytes, float] | None = None
        self.heard = bytearray()
        self.is_sought = threading.Event()  # somebody has connected, whoever listens behind us or not
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Wiretap:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._may_pass.set()
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long; nothing is lost."""
        self._may_pass.clear()
        threading.Timer(seconds, self._may_pass.set).start()

    def hold_from(self, question: bytes, seconds: float) -> None:
        """Let these bytes through when they come, and then nothing for so long: the answer is late."""
        self._question = question, seconds

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                self.is_sought.set()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to_port), timeout=5)
                except OSError:
                    near.close()  # as if nobody listened here
                    continue
                far.settimeout(None)
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._hand_on, args=(source, sink), daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.heard += data
                self._may_pass.wait()
                if self._question is not None and self._question[0] in data:
                    self.hold(self._question[1])
                    self._question = None
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def tap(port: int) -> Iterator[Wiretap]:
    """On the way to a master at `port`."""
    with Wiretap(port) as wiretap:
        yield wiretap


@pytest.fixture
def other_tap(port: int) -> Iterator[Wiretap]:
    """On another way there."""
    with Wiretap(port) as wiretap:
        yield wiretap


@pytest.fixture
def made_by() -> Callable[[Any], int]:
    """The calls that a worker itself says it made."""

    def read(worker: Any) -> int:
        found = re.search(r"the run is over: (\d+) calls were made here", worker.err)
        assert found, worker.err
        return int(found[1])

    return read


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def profile(tmp_path: Path) -> Callable[[str], str]:
    """Writes a profile; returns its path."""

    def write(text: str) -> str:
        file = tmp_path / "own.yaml"
        file.write_text(text + EASY)
        return str(file)

    return write


@pytest.fixture
def work(start: Callable, port: int) -> Callable[..., Any]:
    """Starts a worker of the master at `port`."""

    def begin(*arguments: str, **options: Any) -> Any:
        if "--port" not in arguments:
            arguments = (*arguments, "--port", str(port))
        return start("worker", "--master", "127.0.0.1", *arguments, **options)

    return begin


@pytest.fixture
def machines() -> Iterator[Callable[[str], tuple[str, ...]]]:
    """Four network namespaces with addresses of their own, a to d; how to run a command in one."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need iproute2 and root")
    names = {name: f"tokenswarm-{os.getpid()}-{name}" for name in "abcd"}

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)

    try:
        try:
            for name in names.values():
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip("-n", names["a"], "link", "add", "hub", "type", "bridge")
            for number, name in enumerate("bcd", start=2):
                ip(
                    "-n",
                    names["a"],
                    "link",
                    "add",
                    f"to-{name}",
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "eth0",
                    "netns",
                    names[name],
                )
                ip("-n", names["a"], "link", "set", f"to-{name}", "master", "hub", "up")
                ip("-n", names[name], "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
                ip("-n", names[name], "addr", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
                ip("-n", names[name], "link", "set", "eth0", "up")
            ip("-n", names["a"], "addr", "add", "10.77.0.1/24", "dev", "hub")
            ip("-n", names["a"], "addr", "add", "fd77::1/64", "dev", "hub", "nodad")
            ip("-n", names["a"], "link", "set", "hub", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
        yield lambda name: ("ip", "netns", "exec", names[name])
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=30)
