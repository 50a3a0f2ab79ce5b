"""Watches the processes of a stack as a supervisor would: notes who died, and starts providers anew."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.stack import Stack

REVIVE_AFTER_S: Final = 2.0
_LOOK_EVERY_S: Final = 0.02  # deaths are known to that


@dataclass(frozen=True, slots=True)
class Death:
    """A process that ended before its stack did; `monotonic_s` is the machine's clock.

    `successor` is the pid of the one that was started in its place on the same ports; None if there is none.
    """

    name: str
    pid: int
    monotonic_s: float
    successor: int | None = None


class Keeper:
    """`with Keeper(stack) as keeper:` watches until the block ends; `keeper.deaths` grows meanwhile.

    The gateway is not started anew: what it had counted is gone, and with it the sense of the run.
    """

    def __init__(self, stack: Stack, revive_after_s: float = REVIVE_AFTER_S) -> None:
        self.deaths: list[Death] = []
        self._gateway = stack.gateway
        self._providers: dict[str, MockProcess] = dict(stack.named_providers)
        self._revive_after_s = revive_after_s
        self._due_s: dict[str, float] = {}  # name → when a provider that died is started anew
        self._revived = ExitStack()
        self._is_over = Event()
        self._thread = Thread(target=self._watch, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._revived.close()

    @property
    def pids(self) -> Mapping[str, int]:
        """Who runs now, by name; the gateway's is `gateway`."""
        return {"gateway": self._gateway.pid, **{name: each.pid for name, each in self._providers.items()}}

    def _watch(self) -> None:
        is_gateway_gone = False
        while not self._is_over.wait(_LOOK_EVERY_S):
            now_s = time.monotonic()
            if self._gateway.has_ended and not is_gateway_gone:
                is_gateway_gone = True
                self.deaths.append(Death("gateway", self._gateway.pid, now_s))
            for name, provider in list(self._providers.items()):
                if not provider.has_ended:
                    continue
                if name not in self._due_s:
                    self.deaths.append(Death(name, provider.pid, now_s))
                    self._due_s[name] = now_s + self._revive_after_s
                elif now_s >= self._due_s[name]:
                    self._revive(name, provider)

    def _revive(self, name: str, dead: MockProcess) -> None:
        try:
            alive = self._revived.enter_context(dead.again())
        except ConfigurationError:
            # Somebody has taken its port, say. It stays away, as the report will show.
            self._due_s[name] = float("inf")
            return
        self._providers[name] = alive
        del self._due_s[name]
        last = max(i for i, death in enumerate(self.deaths) if death.name == name)
        death = self.deaths[last]
        self.deaths[last] = Death(death.name, death.pid, death.monotonic_s, alive.pid)
