"""A real redis-server as a child process, on loopback and in memory alone, for the gateway's L2."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from time import monotonic, sleep
from types import TracebackType
from typing import Final, Self

from tokenswarm.errors import ConfigurationError
from tokenswarm.loopback import LOOPBACK, free_port
from tokenswarm.mock.child import end_process

_START_TIMEOUT_S: Final = 10.0
_PATIENCE_S: Final = 5.0


class RedisServer:
    """`with RedisServer() as redis:` runs one; `redis.url` is where. It writes nothing to disk."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Also again after `stop`, on the same port; ConfigurationError if that fails."""
        program = shutil.which("redis-server")
        if program is None:
            raise ConfigurationError("redis-server is not installed; install it, or leave Redis out")
        where = ["--port", str(self.port), "--bind", LOOPBACK, "--dir", tempfile.gettempdir()]
        self._child = subprocess.Popen(  # noqa: S603 — a program of this system, arguments of our own
            [program, *where, "--save", "", "--appendonly", "no"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline_s = monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._child.poll() is not None or monotonic() > deadline_s:
                self.stop()
                raise ConfigurationError(f"redis-server didn't start on port {self.port}")
            sleep(0.01)

    def stop(self) -> None:
        """Its memory goes with it; may be called again."""
        child, self._child = self._child, None
        if child is not None:
            end_process(child)

    def command(self, *words: str) -> bytes:
        """What it replies, as it stands; ConnectionError if it doesn't listen."""
        with socket.create_connection((LOOPBACK, self.port), timeout=_PATIENCE_S) as client:
            parts = b"".join(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()) for word in words)
            client.sendall(b"*%d\r\n%b" % (len(words), parts))
            return client.recv(65_536)

    def _answers(self) -> bool:
        try:
            return self.command("PING") == b"+PONG\r\n"
        except OSError:
            return False
