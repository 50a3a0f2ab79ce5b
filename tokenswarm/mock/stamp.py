"""The provider's own times of one call, as they ride on the answer."""

from __future__ import annotations

from typing import NamedTuple


class Stamp(NamedTuple):
    """In ms since the request was read whole; no first token unless streamed."""

    ttft_ms: float | None
    total_ms: float

    @property
    def json(self) -> bytes:
        if self.ttft_ms is None:
            return b'{"total_ms":%.3f}' % self.total_ms
        return b'{"ttft_ms":%.3f,"total_ms":%.3f}' % (self.ttft_ms, self.total_ms)

    @property
    def text(self) -> bytes:
        if self.ttft_ms is None:
            return b"[mock total_ms=%.3f]" % self.total_ms
        return b"[mock ttft_ms=%.3f total_ms=%.3f]" % (self.ttft_ms, self.total_ms)
