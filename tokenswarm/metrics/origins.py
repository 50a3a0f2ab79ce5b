"""Where answers came from, as labels: a target words them, so their length and number are bounded."""

from __future__ import annotations

from typing import Final, NamedTuple

from tokenswarm.metrics.call import CallRecord

OTHER: Final = "other"
MAX_ORIGINS: Final = 64  # combinations of cache, layer and provider that one process tells apart
MAX_MODELS: Final = 64
_LONGEST: Final = 80


class Origin(NamedTuple):
    """Cache (hit, miss or ""), its layer, and the provider behind the gateway."""

    cache: str = ""
    cache_layer: str = ""
    provider: str = ""


NOWHERE: Final = Origin()


class BoundedNames:
    """Names that targets give, as a report may show them; beyond so many they are all `other`."""

    __slots__ = ("_most", "_shown")

    def __init__(self, most: int) -> None:
        self._most = most
        self._shown: dict[str, str] = {}

    def shown(self, name: str) -> str:
        """One line of bounded length."""
        shown = self._shown.get(name)
        if shown is None:
            if len(self._shown) >= self._most:
                return OTHER
            shown = self._shown[name] = label(name)
        return shown


class Origins:
    """The origins and models that one process has met; beyond the bounds they are all `other`."""

    __slots__ = ("_known", "models")

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Origin] = {}
        self.models = BoundedNames(MAX_MODELS)  # that say they answered

    def of(self, call: CallRecord) -> Origin:
        """The labels of one call."""
        if not call.cache and not call.provider:
            return NOWHERE
        said = (call.cache, call.cache_layer, call.provider)
        origin = self._known.get(said)
        if origin is None:
            is_full = len(self._known) >= MAX_ORIGINS
            layer, provider = ((OTHER if text else "") if is_full else label(text) for text in said[1:])
            origin = Origin(call.cache, layer, provider)
            if not is_full:
                self._known[said] = origin
        return origin


def label(text: str) -> str:
    """One printable line of bounded length."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _LONGEST]).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
