"""What a caller can order of the mock, call by call: the table of order keys, and its reader.

Orders ride in the model name (`mock;ttft=50;tokens=20;status=429`) or in request headers
(`x-mock-ttft: 50`, a dash for each underscore). Headers outrank the model name, which outranks
the server's own defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.distribution import ALLOWED, LIMIT, Distribution, Fixed, parse_distribution
from tokenswarm.mock.text import MAX_TOKENS

DEFAULT_ERROR_STATUS: Final = 500
MAX_FACTOR: Final = 1000
MAX_DRIP: Final = 10_000_000
MAX_PADDING: Final = 64 * 2**20


# Compared and hashed by identity: plans are looked up by their orders on each call.
@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """All orders of one call; each field is an order key, times are ms."""

    ttft: Distribution
    itl: Distribution
    tokens: Distribution
    chunk_tokens: int = 1
    reasoning: int = 0
    tool: bool = False
    status: int | None = None
    error_rate: float = 0.0
    retry_after: int = 1
    usage: bool | None = None  # None: as the request asks
    role_chunk: bool = True
    comment: bool = False
    crlf: bool = False
    stamp: bool = False
    metadata: bool = False
    gzip: bool = False
    burst: int = 1
    stall_at: int | None = None
    stall: float = 1000.0
    cut: int | None = None
    error_at: int | None = None
    error_done: bool = False
    no_finish: bool = False
    garble: bool = False
    html: bool = False
    hang: bool = False
    slow: float = 1.0
    drip: int = 0
    close_code: int | None = None
    hang_up: float | None = None
    ping: float = 0.0
    binary: bool = False
    pad: int = 0

    @property
    def is_certain(self) -> bool:
        """Nothing is drawn: every call with these orders is answered alike."""
        is_fixed = (
            isinstance(self.ttft, Fixed) and isinstance(self.itl, Fixed) and isinstance(self.tokens, Fixed)
        )
        return is_fixed and self.error_rate in (0, 1)


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the table: how a value is read, what is allowed, and what it does."""

    key: str
    read: Callable[[str], object]
    allowed: str
    meaning: str


def _flag(text: str) -> bool:
    return {"0": False, "1": True}[text]


def _count(text: str) -> int:
    return _within(int(text), 0, MAX_TOKENS)


def _at_least_one(text: str) -> int:
    return _within(int(text), 1, MAX_TOKENS)


def _status(text: str) -> int:
    return _within(int(text), 400, 599)


def _close_code(text: str) -> int:
    return _within(int(text), 1000, 4999)


def _padding(text: str) -> int:
    return _within(int(text), 0, MAX_PADDING)


def _factor(text: str) -> float:
    number = float(text)
    if not 1 <= number <= MAX_FACTOR:
        raise ValueError(text)
    return number


def _bytes_per_second(text: str) -> int:
    return _within(int(text), 0, MAX_DRIP)


def _seconds(text: str) -> int:
    return _within(int(text), 0, 3600)


def _milliseconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= LIMIT:
        raise ValueError(text)
    return number


def _within(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise ValueError(number)
    return number


def read_share(text: str) -> float:
    """A share from 0 to 1, or a percentage; ValueError for anything else."""
    number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 <= number <= 1:
        raise ValueError(text)
    return number


_FLAG: Final = "0 or 1"
_TIME: Final = f"ms: {ALLOWED}"
_CHUNKS: Final = f"a whole number of content chunks, 0 … {MAX_TOKENS}"
_ONE_UP: Final = f"a whole number, 1 … {MAX_TOKENS}"

_ROWS: Final = (
    Order("ttft", parse_distribution, _TIME, "Time from the whole request to the first content chunk."),
    Order("itl", parse_distribution, _TIME, "Time for each further token."),
    Order(
        "tokens",
        parse_distribution,
        ALLOWED,
        f"Visible output tokens, 1 … {MAX_TOKENS}; max_tokens caps them (finish reason `length`).",
    ),
    Order(
        "chunk_tokens", _at_least_one, _ONE_UP, "Tokens in one content chunk; its gap is as many times `itl`."
    ),
    Order(
        "reasoning",
        _count,
        f"0 … {MAX_TOKENS}",
        "Reasoning tokens before the visible ones, in dialects that have them.",
    ),
    Order("tool", _flag, _FLAG, "A tool call in place of text, in dialects that have them."),
    Order(
        "status", _status, "400 … 599", "Answer with this error at once; all calls, or `error_rate` of them."
    ),
    Order(
        "error_rate",
        read_share,
        "0 … 1 or 0% … 100%",
        "Seeded share of calls that fail with `status` (or 500).",
    ),
    Order(
        "retry_after", _seconds, "whole seconds, 0 … 3600", "The `retry-after` header of 429, 503 and 529."
    ),
    Order("usage", _flag, _FLAG, "0: never send usage; 1: always. Unset: as the request asks."),
    Order(
        "role_chunk",
        _flag,
        _FLAG,
        "0: nothing before the first content chunk; what opens a stream rides on it.",
    ),
    Order("comment", _flag, _FLAG, "An SSE comment line before each event."),
    Order("crlf", _flag, _FLAG, "SSE lines end in CR LF."),
    Order(
        "stamp",
        _flag,
        _FLAG,
        "The last words of the text are the provider's own times: survives any gateway.",
    ),
    Order(
        "metadata",
        _flag,
        _FLAG,
        "OpenAI chat, not streamed: a `metadata` object in the answer, as agents add one.",
    ),
    Order(
        "gzip",
        _flag,
        _FLAG,
        "Compress the body if the client accepts gzip; streams are flushed chunk by chunk.",
    ),
    Order(
        "burst", _at_least_one, _ONE_UP, "Write so many content chunks at once, when the last of them is due."
    ),
    Order("stall_at", _count, _CHUNKS, "After so many chunks wait `stall` ms more, once."),
    Order("stall", _milliseconds, "ms, 0 … 3600000", "How long `stall_at` waits."),
    Order("cut", _count, _CHUNKS, "Cut the connection after so many chunks (not streaming: in mid-body)."),
    Order("error_at", _count, _CHUNKS, "An error event in place of the chunk after so many; streams."),
    Order(
        "error_done",
        _flag,
        _FLAG,
        "1: the stream's usual end follows the error event of `error_at`.",
    ),
    Order("no_finish", _flag, _FLAG, "No finish reason: as when an upstream was cut."),
    Order("garble", _flag, _FLAG, "Broken JSON: one chunk of a stream, or the whole body."),
    Order("html", _flag, _FLAG, "An HTML page, with status 200 or `status`."),
    Order("hang", _flag, _FLAG, "Never answer; the mock gives the connection up after 300 s."),
    Order("slow", _factor, f"a number, 1 … {MAX_FACTOR}", "All times of an answer are so many times longer."),
    Order(
        "drip",
        _bytes_per_second,
        f"bytes a second, 0 … {MAX_DRIP}",
        "The body dribbles out at this rate; what comes next waits for it. 0: at once.",
    ),
    Order(
        "close_code",
        _close_code,
        "1000 … 4999",
        "WebSockets: `cut` and `hang_up` close with this code; without one the connection just goes (1006).",
    ),
    Order(
        "hang_up", _milliseconds, "ms, 0 … 3600000", "WebSockets: end the connection so long after an answer."
    ),
    Order(
        "ping",
        _milliseconds,
        "ms, 0 … 3600000",
        "WebSockets: send a ping so often, and cut a client that left one unanswered; 0: never.",
    ),
    Order("binary", _flag, _FLAG, "WebSockets: one chunk comes as a binary message."),
    Order("pad", _padding, f"bytes, 0 … {MAX_PADDING}", "WebSockets: one chunk is so much larger."),
)

ORDERS: Final = MappingProxyType({order.key: order for order in _ROWS})


def read_order(key: str, text: str, where: str) -> Any:
    """The value of one order; ConfigurationError says where and what is allowed."""
    order = ORDERS.get(key)
    if order is None:
        raise ConfigurationError(f"{where}: unknown order {key!r}, allowed are {', '.join(ORDERS)}")
    try:
        return order.read(text)
    except (ValueError, KeyError):
        raise ConfigurationError(f"{where}: order {key}: got {text!r}, need {order.allowed}") from None


def read_orders(pairs: Iterable[tuple[str, str]], base: Orders, where: str) -> Orders:
    """`base` with the given orders on top; ConfigurationError names every problem at once."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, text in pairs:
        try:
            values[key] = read_order(key, text, where)
        except ConfigurationError as error:
            problems.append(str(error))
    if problems:
        raise ConfigurationError("; ".join(problems))
    if "status" in values:
        values.setdefault("error_rate", 1.0)  # a status alone means every call
    return replace(base, **values) if values else base


def split_model(model: str) -> list[tuple[str, str]]:
    """The orders inside a model name: what follows its first semicolon, key by key."""
    _, _, tail = model.partition(";")
    pairs = []
    for part in filter(None, tail.split(";")):
        key, _, value = part.partition("=")
        pairs.append((key.strip(), value.strip()))
    return pairs
