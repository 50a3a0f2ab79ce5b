"""Where Prometheus is to find a run's figures, checked before anything is asked of the target."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.loopback import LOOPBACK, bound_socket

_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class ScrapeAddress:
    """A port of this machine, and the address that it is opened at."""

    port: int
    host: str = LOOPBACK

    @classmethod
    def read(cls, port: str | int, host: str) -> ScrapeAddress:
        """ConfigurationError if no port can be that."""
        try:
            number = int(port)
        except ValueError:
            number = 0
        if not 0 < number <= _HIGHEST_PORT:
            raise ConfigurationError(f"--prometheus-port: got {port}, need a port from 1 to {_HIGHEST_PORT}")
        return cls(number, host)

    def listen(self) -> socket.socket | None:
        """A socket that listens there; None if somebody else does, which is no mistake and passes.

        ConfigurationError if this machine can't.
        """
        listener: socket.socket | None = None
        try:
            listener = bound_socket(self.host, self.port)
            listener.listen()
        except (OSError, UnicodeError) as error:
            if listener is not None:
                listener.close()
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return None
            raise self._refusal(error) from None
        return listener

    def check(self) -> None:
        """ConfigurationError if this machine can't listen there, whoever else does by now."""
        listener = self.listen()
        if listener is not None:
            listener.close()

    def _refusal(self, error: Exception) -> ConfigurationError:
        why = getattr(error, "strerror", None) or error
        return ConfigurationError(
            f"--prometheus-port {self.port}: can't listen at {self.host}: {why};"
            " name a port and a --prometheus-host of this machine, or leave the options out"
        )
