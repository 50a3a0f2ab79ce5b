"""The faults that /admin can put a whole provider into: a table of modes; each is orders, or a shut door."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Mode:
    """`orders` outrank those of every call; a change can give other values for them, or for `further`."""

    name: str
    meaning: str
    orders: tuple[tuple[str, str], ...] = ()
    further: tuple[str, ...] = ()
    shuts_door: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        return (*(key for key, _ in self.orders), *self.further)


def _status(status: int, meaning: str) -> Mode:
    return Mode(str(status), meaning, (("status", str(status)),), ("retry_after",))


_ROWS: Final = (
    Mode("refuse", "connections are refused, those that are open are cut", shuts_door=True),
    _status(503, "every call is answered 503"),
    Mode("hang", "no call is answered", (("hang", "1"),)),
    _status(429, "every call is answered 429, with Retry-After"),
    _status(529, "every call is answered 529, with Retry-After"),
    Mode("slow", "all times are 10 times as long", (("slow", "10"),)),
    Mode("cut", "every answer is cut after a chunk", (("cut", "1"),)),
    Mode("stall", "every answer waits 10 s after a chunk", (("stall_at", "1"), ("stall", "10000"))),
    Mode("drip", "answers dribble out at 200 bytes a second", (("drip", "200"),)),
    Mode("error_at", "an error event after a chunk of a stream", (("error_at", "1"),), ("error_done",)),
    Mode("no_usage", "no answer has usage", (("usage", "0"),)),
)
MODES: Final = MappingProxyType({mode.name: mode for mode in _ROWS})
DEFAULT_MODE: Final = MODES["503"]
