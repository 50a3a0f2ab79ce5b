"""What /admin changes of a provider while it runs: its default orders, and a fault above every call's own."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, Protocol

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.admin import check_keys
from tokenswarm.mock.connection import Connection
from tokenswarm.mock.door import Door
from tokenswarm.mock.faults import DEFAULT_MODE, MODES, Mode
from tokenswarm.mock.orders import ORDERS, Orders, read_orders
from tokenswarm.mock.timers import Timer, Timers
from tokenswarm.mock.truth import change_entry

_LONGEST_S: Final = 86_400.0
_KEYS: Final = ("down", "mode", "for_s", "orders", "reset")
Note = Callable[[dict[str, Any]], None]
Pairs = tuple[tuple[str, str], ...]


class Ordered(Protocol):
    """Whoever orders are given to."""

    def reorder(self, defaults: Orders, fault: Pairs) -> None:
        """From now on `defaults` stand below every call's own orders, and `fault` above them."""


class Control:
    """The provider's state. Every change is told to `note`, with its time on both clocks."""

    def __init__(self, provider: Ordered, defaults: Orders, timers: Timers, note: Note) -> None:
        self.door: Door | None = None  # known once the server listens
        self.has_admin_port = False
        self._provider = provider
        self._start_defaults = self._defaults = defaults
        self._ordered: dict[str, str] = {}  # what was changed of the defaults, for people
        self._mode: Mode | None = None
        self._fault: Pairs = ()
        self._timers = timers
        self._timer: Timer | None = None
        self._note = note

    def state(self) -> dict[str, Any]:
        return {
            "down": self._mode is not None,
            "mode": self._mode.name if self._mode else None,
            "fault": dict(self._fault),
            "orders": self._ordered,
            "allowed": {
                "keys": list(_KEYS),
                "modes": {mode.name: mode.meaning for mode in MODES.values()},
                "orders": list(ORDERS),
            },
        }

    def change(self, path: str, body: dict[str, Any], connection: Connection) -> None:
        """All of it, or none if any of it is wrong."""
        if path not in ("", "/"):
            raise ConfigurationError(f"nothing at /admin{path}; a provider has only /admin")
        mode = _mode_of(body)
        check_keys(body, (*_KEYS, *(mode.settings if mode else ())), "/admin")
        if body.get("reset", True) is not True:
            raise ConfigurationError("reset: need true")
        for_s = _seconds(body, mode)
        defaults, ordered = self._new_defaults(body)
        fault = _fault_of(mode, body, defaults)
        if mode is not None and mode.shuts_door and for_s is None and not self.has_admin_port:
            raise ConfigurationError(
                "mode refuse would shut this port, and nobody could open it again: give for_s,"
                " or start the provider with --admin-port"
            )
        self._defaults, self._ordered = defaults, ordered
        if "down" in body or "mode" in body or "reset" in body:
            self._set_fault(mode, fault, connection)
        self._provider.reorder(defaults, self._fault)
        if for_s is not None:
            self._timer = self._timers.at(perf_counter() + for_s, self._lift)
        self._tell(body)

    def _new_defaults(self, body: dict[str, Any]) -> tuple[Orders, dict[str, str]]:
        orders = body.get("orders", {})
        if not isinstance(orders, dict):
            raise ConfigurationError(f"orders: need an object of {', '.join(ORDERS)}")
        texts = {str(key): _text(value) for key, value in orders.items()}
        start = self._start_defaults if body.get("reset") else self._defaults
        before = {} if body.get("reset") else self._ordered
        return read_orders(texts.items(), start, "orders"), {**before, **texts}

    def _set_fault(self, mode: Mode | None, fault: Pairs, connection: Connection | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._mode, self._fault = mode, fault
        if self.door is None:
            return
        if mode is not None and mode.shuts_door:
            self.door.shut(but=connection)
        else:
            self.door.open()

    def _lift(self) -> None:
        self._timer = None
        try:
            self._set_fault(None, (), None)
        except ConfigurationError as error:
            self._tell({"down": False, "error": str(error)})
            return
        self._provider.reorder(self._defaults, ())
        self._tell({"down": False})

    def _tell(self, change: dict[str, Any]) -> None:
        state = self.state()
        del state["allowed"]
        self._note(change_entry("admin", change=change, state=state))


def _mode_of(body: dict[str, Any]) -> Mode | None:
    """The fault that is asked for; None if there is to be none, or nothing is said of it."""
    down = body.get("down", "mode" in body)
    if not isinstance(down, bool):
        raise ConfigurationError("down: need true or false")
    if not down:
        if "mode" in body:
            raise ConfigurationError("mode: goes with down: true")
        return None
    if "mode" not in body:
        return DEFAULT_MODE
    mode = MODES.get(str(body["mode"]))
    if mode is None:
        raise ConfigurationError(f"mode: got {body['mode']!r}, allowed are {', '.join(MODES)}")
    return mode


def _seconds(body: dict[str, Any], mode: Mode | None) -> float | None:
    if "for_s" not in body:
        return None
    for_s = body["for_s"]
    if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not 0 < for_s <= _LONGEST_S:
        raise ConfigurationError(f"for_s: got {for_s!r}, need seconds, more than 0, at most {_LONGEST_S:.0f}")
    if mode is None:
        raise ConfigurationError("for_s: goes with down: true")
    return float(for_s)


def _fault_of(mode: Mode | None, body: dict[str, Any], defaults: Orders) -> Pairs:
    if mode is None:
        return ()
    values = dict(mode.orders)
    values |= {key: _text(body[key]) for key in mode.settings if key in body}
    fault = tuple(values.items())
    read_orders(fault, defaults, f"mode {mode.name}")
    return fault


def _text(value: Any) -> str:
    """A JSON value as an order is written."""
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else f"{value}"
