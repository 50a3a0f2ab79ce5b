"""L1: answers to equal requests, in memory, for a time and up to a number; the least recently used goes."""

from __future__ import annotations

from collections import OrderedDict

from tokenswarm.mock.proxy.stored import Stored


class ExactCache:
    """Times are seconds on the caller's clock."""

    def __init__(self, ttl_s: float, size: int) -> None:
        self._ttl_s = ttl_s
        self._size = size
        self._entries: OrderedDict[bytes, tuple[float, Stored]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: bytes, now_s: float) -> Stored | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        expires_s, stored = entry
        if now_s >= expires_s:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return stored

    def put(self, key: bytes, stored: Stored, now_s: float) -> None:
        self._entries[key] = (now_s + self._ttl_s, stored)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def flush(self) -> None:
        self._entries.clear()
