"""What /admin changes of a gateway while it runs: its overhead, its caches, and which upstreams are down."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.admin import check_keys
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.distribution import ALLOWED, parse_distribution
from tokenswarm.mock.proxy.caches import Caches
from tokenswarm.mock.proxy.injected import Injected
from tokenswarm.mock.proxy.upstream import Upstream
from tokenswarm.mock.truth import change_entry

_KEYS: Final = ("overhead", "flush", "reset")
_PROVIDER_KEYS: Final = ("down",)
_PROVIDER: Final = re.compile(r"/providers/([^/]+)")
Note = Callable[[dict[str, Any]], None]


class GatewayControl:
    """The gateway's state. Every change is told to `note`."""

    def __init__(
        self, overhead: str, injected: Injected, caches: Caches, upstreams: list[Upstream], note: Note
    ) -> None:
        self._start_overhead = self._overhead = overhead
        self._injected = injected
        self._caches = caches
        self._upstreams = {upstream.name: upstream for upstream in upstreams}
        self._note = note

    def state(self) -> dict[str, Any]:
        return {
            "overhead": self._overhead,
            "providers": {
                name: {
                    "url": upstream.address.url,
                    "down": upstream.is_marked_down,
                    "circuit": upstream.breaker.state.name.lower().replace("_", "-"),
                    "in_flight": upstream.in_flight,
                }
                for name, upstream in self._upstreams.items()
            },
            "allowed": {
                "/admin": list(_KEYS),
                "/admin/providers/NAME": list(_PROVIDER_KEYS),
            },
        }

    def change(self, path: str, body: dict[str, Any], connection: Connection) -> Awaitable[None] | None:
        """All of it, or none if any of it is wrong."""
        del connection
        found = _PROVIDER.fullmatch(path)
        if found is not None:
            self._mark(found[1], body)
        elif path in ("", "/"):
            return self._change(body)
        else:
            raise ConfigurationError(f"nothing at /admin{path}; there are /admin and /admin/providers/NAME")
        return None

    def _mark(self, name: str, body: dict[str, Any]) -> None:
        where = f"/admin/providers/{name}"
        upstream = self._upstreams.get(name)
        if upstream is None:
            raise ConfigurationError(f"{where}: unknown provider; allowed are {', '.join(self._upstreams)}")
        check_keys(body, _PROVIDER_KEYS, where)
        down = body.get("down")
        if not isinstance(down, bool):
            raise ConfigurationError(f"{where}: down: need true or false")
        upstream.is_marked_down = down
        self._note(change_entry("admin", path=where, change=body))

    def _change(self, body: dict[str, Any]) -> Awaitable[None] | None:
        check_keys(body, _KEYS, "/admin")
        for key in ("flush", "reset"):
            if body.get(key, True) is not True:
                raise ConfigurationError(f"{key}: need true")
        overhead = self._start_overhead if "reset" in body else self._overhead
        overhead = str(body.get("overhead", overhead))
        try:
            self._injected.overhead = parse_distribution(overhead)
        except ValueError:
            raise ConfigurationError(f"overhead: got {overhead!r}, need ms: {ALLOWED}") from None
        self._overhead = overhead
        if "reset" in body:
            for upstream in self._upstreams.values():
                upstream.is_marked_down = False
        self._note(change_entry("admin", path="/admin", change=body))
        return self._caches.flush() if "flush" in body else None
