"""One call's timestamps and counts, and the figures that follow from them.

Definitions are printed in docs/metrics.md. All times are seconds on one monotonic clock; durations
are seconds. A figure that the call can't give is None, never zero.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Protocol

SUCCESS: Final = "success"
EXPECTED: Final = "expected"  # refused, with a status that the profile counts as right: no failure, no answer
INTERRUPTED: Final = "interrupted"  # we stopped it: neither success nor failure

FAILURES: Final = (
    "connect",
    "tls",
    "timeout_connect",
    "timeout_first_token",
    "timeout_idle",
    "timeout_total",
    "http_4xx",
    "rate_limited",  # 429, and 529 which some providers send for "overloaded"
    "http_5xx",
    "stream_error",
    "truncated",
    "malformed",
    "empty",
    "cache_mismatch",  # a cache's answer that was never given to this question
)
OUTCOMES: Final = (SUCCESS, *FAILURES, EXPECTED, INTERRUPTED)
DROPPED: Final = "dropped"  # how the failures' table calls a connection that was lost between two calls

# Arms: where a call went.
GATEWAY: Final = "gateway"
PROVIDER: Final = "provider"  # past the gateway, to compare with
ARMS: Final = (GATEWAY, PROVIDER)

# Why a test of a cache asks a question.
EXACT: Final = "exact"  # again, with the same text
VARIED: Final = "varied"  # again, in other words
UNIQUE: Final = "unique"  # for the first time, and as a rule the only one
EXPIRED: Final = "expired"  # again, after the cache should have forgotten it
CACHE_ARMS: Final = (EXACT, VARIED, UNIQUE, EXPIRED)


class Hash(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Unread(Protocol):
    """An answer that is yet to be decoded."""

    def read(self, record: CallRecord, /) -> None:
        """Fill the record in, and judge the call."""


# A plain slots class, not a frozen dataclass: one is made for each call and filled as bytes arrive.
class CallRecord:
    """One call. `transport.call` fills the times and counts, the user class the labels."""

    __slots__ = (
        "arm",
        "body",
        "bytes_received",
        "bytes_sent",
        "cache",
        "cache_arm",
        "cache_layer",
        "cached_input_tokens",
        "chunks",
        "chunks_together",
        "connect_s",
        "content_at_s",
        "cost",
        "decoded_bytes",
        "detail",
        "encoded_bytes",
        "ended_at_s",
        "fell_back",
        "finish_reason",
        "first_output_at_s",
        "head",
        "headers_at_s",
        "input_tokens",
        "intended_at_s",
        "is_compression_asked",
        "is_miss_implied",
        "is_repeat",
        "is_reused",
        "messages",
        "model",
        "outcome",
        "output_chars",
        "output_tokens",
        "prompt",
        "provider",
        "provider_total_s",
        "provider_ttft_s",
        "question",
        "rate_limit_headroom",
        "reasoning_tokens",
        "reconnects",
        "reported_overhead_s",
        "reported_upstream_s",
        "request_id",
        "requested_model",
        "response_id",
        "scenario",
        "sent_at_s",
        "stage",
        "started_at_s",
        "status",
        "stream",
        "text_hash",
        "text_tail",
        "tls_s",
        "tokens_estimated",
        "unread",
    )

    def __init__(self, intended_at_s: float = 0.0) -> None:
        # Labels.
        self.scenario = ""
        self.prompt = ""  # size class: short, medium or long
        self.stream = False
        self.stage = ""
        self.is_repeat = False  # its prompt was sent before, so that a cache may answer it
        self.cache_arm = ""  # one of CACHE_ARMS
        self.question: tuple[str, int] | None = None  # what is asked, whatever the wording
        self.arm = GATEWAY
        self.requested_model = ""
        # Times.
        self.intended_at_s = (
            intended_at_s  # due time of an open arrival; when the user was ready in a closed loop
        )
        self.started_at_s: float | None = None  # first request byte handed to the socket
        self.sent_at_s: float | None = None  # last request byte handed to the socket: "request sent"
        self.headers_at_s: float | None = None  # first byte of the response
        self.first_output_at_s: float | None = None  # first content that is not reasoning
        self.content_at_s: list[float] = []  # the reads that brought content, one entry a read
        self.ended_at_s: float | None = None  # terminal event, last body byte, or the failure
        self.connect_s: float | None = None  # TLS included; None on a reused connection
        self.tls_s: float | None = None  # the part of connect_s that the TLS handshake took
        # What the gateway and the provider say of themselves; "" and None where they don't.
        self.cache = ""  # "hit" or "miss"
        self.is_miss_implied = False  # a miss because nothing said that it was a hit
        self.cache_layer = ""  # of a hit, such as L1, exact or semantic
        self.provider = ""  # who answered behind the gateway
        self.fell_back: bool | None = None  # whether another than the first provider answered
        self.reported_overhead_s: float | None = None  # the gateway's own figure
        self.reported_upstream_s: float | None = None  # likewise, of the time it waited for the provider
        self.rate_limit_headroom: float | None = None  # share of a rate limit that is left, the scarcest
        self.provider_ttft_s: float | None = None  # stamped by the provider itself, exact
        self.provider_total_s: float | None = None  # likewise
        # What came.
        self.status = 0
        self.outcome = SUCCESS
        self.detail = ""  # one line on a failure
        self.head = b""  # status line and headers of the response, as they came
        self.response_id = ""
        self.request_id = ""  # by which the gateway's operator finds the call in a log
        self.model = ""  # who answered, which may be another than was asked
        self.finish_reason = ""
        self.chunks = 0  # content chunks
        self.chunks_together = 0  # those that shared their read with another
        self.output_chars = 0
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.cached_input_tokens: int | None = None
        self.tokens_estimated = False
        self.cost: float | None = None
        self.bytes_sent = 0
        self.bytes_received = 0
        self.is_compression_asked = False
        self.encoded_bytes: int | None = None  # the body as it came; None if it was not compressed
        self.decoded_bytes: int | None = None  # the same body, inflated
        self.body: bytearray | None = None  # of a whole answer, for who sets it to an empty one before
        self.messages = 0  # WebSocket messages that came, whatever was in them
        self.text_hash: Hash | None = None  # of the text, for who sets it to an empty one before
        self.text_tail: str | None = None  # the end of the text, for who sets it to "" before
        self.unread: Unread | None = None  # while it is there, the answer's text and counts aren't
        self.is_reused = False
        self.reconnects = 0

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Response headers, names in lower case; parsed each time, since few calls are asked for theirs."""
        fields = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return [(name.lower(), value.strip(b" \t")) for name, _, value in fields]

    @property
    def is_success(self) -> bool:
        """2xx, a terminal event, a finish reason and no error event."""
        return self.outcome == SUCCESS

    @property
    def schedule_delay_s(self) -> float | None:
        """Intended start → first request byte handed to the socket."""
        return _span(self.intended_at_s, self.started_at_s)

    @property
    def ttfb_s(self) -> float | None:
        """Request sent → first byte of the response headers."""
        return _span(self.sent_at_s, self.headers_at_s)

    @property
    def ttft_s(self) -> float | None:
        """Request sent → first chunk with content, reasoning or tool-call text; streams only."""
        if not self.stream or not self.content_at_s:
            return None
        return _span(self.sent_at_s, self.content_at_s[0])

    @property
    def ttfo_s(self) -> float | None:
        """Request sent → first output that is not reasoning; streams only."""
        return _span(self.sent_at_s, self.first_output_at_s) if self.stream else None

    @property
    def latency_s(self) -> float | None:
        """Request sent → terminal event, or the last body byte when not streaming."""
        return _span(self.sent_at_s, self.ended_at_s)

    @property
    def effective_latency_s(self) -> float | None:
        """Intended start → the same end: safe from coordinated omission."""
        return _span(self.intended_at_s, self.ended_at_s)

    @property
    def tpot_s(self) -> float | None:
        """(Last content − first content) ÷ (n − 1); n from the server's usage, None when n < 2 or unknown."""
        if not self.stream or self.tokens_estimated or self.output_tokens is None or self.output_tokens < 2:
            return None
        if len(self.content_at_s) < 2:
            return None
        return (self.content_at_s[-1] - self.content_at_s[0]) / (self.output_tokens - 1)

    @property
    def gaps_s(self) -> list[float]:
        """Inter-chunk latencies: from one read that brought content to the next, never zero-filled."""
        if not self.stream:
            return []
        at = self.content_at_s
        return [later - earlier for earlier, later in pairwise(at)]

    @property
    def burst_ratio(self) -> float | None:
        """Content chunks that shared their read with another ÷ all content chunks."""
        return self.chunks_together / self.chunks if self.stream and self.chunks else None


def _span(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else end_s - start_s
