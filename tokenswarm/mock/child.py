"""A mock as a child process: started, waited for, and stopped with the block that holds it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from http.client import HTTPConnection, HTTPException
from time import monotonic
from types import TracebackType
from typing import IO, Final, Literal, Self

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.options import ADMIN, LISTENING

START_TIMEOUT_S: Final = 15.0
_STOP_TIMEOUT_S: Final = 5.0
_SCRAPE_TIMEOUT_S: Final = 5.0

Role = Literal["gateway", "provider"]


def end_process(child: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and wait for that; one that doesn't is killed."""
    child.terminate()
    try:
        child.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Child:
    """Base of our mocks: `with Child("provider", arguments) as child:` runs one; `child.url` is where.

    It has a session of its own, so that a Ctrl-C in the terminal doesn't reach it before the run has
    drained; told to, it ends when this process does, however that happens (`--stop-with-stdin`).
    """

    def __init__(self, role: Role, arguments: list[str]) -> None:
        self._role = role
        self._arguments = arguments
        self._child: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self.url = ""
        self.admin_url = ""  # of its admin port, which stays open while it refuses connections, else the same

    def __enter__(self) -> Self:
        # A file and not a pipe: nobody reads it while the child runs, and a full pipe would block it.
        self._complaints = tempfile.TemporaryFile()
        self._child = subprocess.Popen(  # noqa: S603 — our own interpreter and module, no shell
            [sys.executable, "-m", "tokenswarm.mock", self._role, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        try:
            said = self._wait_for_line(self._child)
        except BaseException:
            self.stop()
            raise
        _, _, where = said.partition(LISTENING)
        self.url, _, admin_url = where.partition(ADMIN)
        self.admin_url = admin_url or self.url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, whoever ended it."""
        assert self._child is not None, "not started"
        return self._child.poll() is not None

    def kill(self) -> None:
        """End it at once, as a crash would: connections are reset and nothing is flushed."""
        assert self._child is not None, "not started"
        self._child.kill()
        self._child.wait()

    def scrape(self) -> str:
        """Its metrics page; ConnectionError if it doesn't answer."""
        url = self.admin_url or self.url
        connection = HTTPConnection(url.removeprefix("http://"), timeout=_SCRAPE_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        except (OSError, HTTPException) as error:
            raise ConnectionError(f"the mock {self._role} at {url} doesn't answer: {error}") from error
        finally:
            connection.close()

    def stop(self) -> None:
        """Ask it to end, and wait for that; may be called again."""
        child = self._child
        if child is None or self._complaints is None:
            return
        end_process(child)
        for stream in (child.stdin, child.stdout, self._complaints):
            if stream is not None:
                stream.close()

    def _wait_for_line(self, child: subprocess.Popen[bytes]) -> str:
        assert child.stdout is not None
        deadline_s = monotonic() + START_TIMEOUT_S
        said = b""
        while b"\n" not in said:
            left_s = deadline_s - monotonic()
            ready = left_s > 0 and select.select([child.stdout], [], [], left_s)[0]
            data = os.read(child.stdout.fileno(), 4096) if ready else b""
            if not data:
                raise ConfigurationError(f"the mock {self._role} didn't start: {self._complaint()}")
            said += data
        return said.decode().partition("\n")[0]

    def _complaint(self) -> str:
        assert self._complaints is not None
        self._complaints.seek(0)
        text = self._complaints.read().decode(errors="replace").strip().removeprefix("tokenswarm: ")
        return text or f"it said nothing for {START_TIMEOUT_S:.0f} s"
