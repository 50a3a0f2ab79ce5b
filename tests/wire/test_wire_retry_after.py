"""How long a refused call is asked to wait: every way of saying it, and bytes that say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.wire.retry_after import MOST_WAIT_S, retry_after_s

CAPTURE = Path(__file__).parent.parent / "golden" / "wire" / "litellm_429.head"
NOW_S = 784111770.0  # Sun, 06 Nov 1994 08:49:30 GMT
DATE = "Sun, 06 Nov 1994 08:49:30 GMT"


def wait(**headers: str) -> float | None:
    """The wait that these headers ask for; underscores stand for dashes, but for the one in the prefix."""
    names = (name.replace("_", "-").replace("llm-provider", "llm_provider") for name in headers)
    raw = [(name.encode(), value.encode()) for name, value in zip(names, headers.values(), strict=True)]
    return retry_after_s(raw, NOW_S)


def captured() -> list[tuple[bytes, bytes]]:
    """The head of a 429 as LiteLLM sent it."""
    lines = CAPTURE.read_bytes().splitlines()[1:]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def test_real_refusal_hands_on_the_providers_wait() -> None:
    """LiteLLM drops Retry-After and keeps the provider's under its prefix; the 6ms reset beside it is not
    what refused the call, for 9,999 requests remained."""
    assert retry_after_s(captured(), NOW_S) == 1.0


def test_real_refusal_without_its_wait_asks_for_none() -> None:
    """The limits that are left say that they are not used up."""
    rest = [(name, value) for name, value in captured() if name != b"llm_provider-retry-after"]
    assert retry_after_s(rest, NOW_S) is None


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("3", 3),
        ("0", 0),
        ("1.5", 1.5),
        (" 7 ", 7),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 7),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 7),
        ("Sun Nov  6 08:49:37 1994", 7),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
        ("12s", 12),
        ("1994-11-06T08:49:37Z", 7),
        ("86400", MOST_WAIT_S),
        ("999999999999999", MOST_WAIT_S),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e5", None),
        ("nan", None),
        ("inf", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, wait_s: float | None) -> None:
    """Of any of the three forms; what lies in the past is no wait, what lies far ahead is cut."""
    assert wait(retry_after=text) == wait_s


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("6ms", 0.006),
        ("1m30s", 90),
        ("12s", 12),
        ("7.66s", 7.66),
        ("1h0m1s", MOST_WAIT_S),
        ("500µs", 0.0005),
        ("2", 2),
        ("1994-11-06T08:49:37Z", 7),
        ("1994-11-06T09:49:37.5+01:00", 7.5),
        ("1994-11-06T08:49:37.123456789Z", 7.123456),
        ("1994-11-06T08:49:00Z", 0),
        ("1994-13-06T08:49:00Z", None),
        ("6 parsecs", None),
        ("1.2.3s", None),
    ],
)
@pytest.mark.parametrize(
    "header",
    [
        "x_ratelimit_reset_requests",
        "x_ratelimit_reset_tokens",
        "anthropic_ratelimit_requests_reset",
        "anthropic_ratelimit_input_tokens_reset",
    ],
)
def test_reset_is_a_span_or_a_time(header: str, text: str, wait_s: float | None) -> None:
    """As OpenAI and Anthropic write them."""
    found = wait(**{header: text})
    assert found == (None if wait_s is None else pytest.approx(wait_s, abs=1e-6))


@pytest.mark.parametrize(
    ("headers", "wait_s", "gloss"),
    [
        ({"retry_after_ms": "250", "retry_after": "1"}, 0.25, "the finer one"),
        ({"retry_after_ms": "?", "retry_after": "1"}, 1, "what can't be read is passed over"),
        ({"retry_after": "2", "llm_provider_retry_after": "9"}, 2, "the gateway's own word first"),
        ({"llm_provider_retry_after": "9", "x_ratelimit_reset_requests": "1s"}, 9, "a wait before a reset"),
        ({"x_ratelimit_reset_requests": "1s", "x_ratelimit_reset_tokens": "3s"}, 3, "both must have passed"),
        (
            {
                "x_ratelimit_reset_requests": "1s",
                "x_ratelimit_remaining_requests": "0",
                "x_ratelimit_reset_tokens": "3s",
                "x_ratelimit_remaining_tokens": "5000",
            },
            1,
            "tokens remain, so it is the requests",
        ),
        ({"llm_provider_x_ratelimit_reset_tokens": "4s"}, 4, "the provider's, handed on"),
        ({"retry_after": DATE.replace("30 GMT", "40 GMT"), "date": DATE}, 10, "by the answer's own clock"),
        (
            {"retry_after": "Sun, 06 Nov 1994 09:49:40 GMT", "date": "Sun, 06 Nov 1994 09:49:30 GMT"},
            10,
            "an hour off ours",
        ),
        ({"content_type": "text/html"}, None, "nothing said"),
    ],
)
def test_most_telling_header_decides(headers: dict[str, str], wait_s: float | None, gloss: str) -> None:
    """Explicit before implied, own before handed on."""
    assert wait(**headers) == wait_s, gloss


def test_names_are_read_in_any_case() -> None:
    """And of two of the same name the first one."""
    headers = [(b"Retry-After", b"1"), (b"retry-after", b"2")]
    assert retry_after_s(headers, NOW_S) == 1


NAMES = st.sampled_from(
    [
        b"retry-after",
        b"retry-after-ms",
        b"date",
        b"x-ratelimit-reset-tokens",
        b"anthropic-ratelimit-tokens-reset",
    ]
)


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=30) | st.text("0123456789:-+TZ.smh GMT").map(str.encode))),
    st.floats(0, 4e9),
)
def test_no_bytes_raise(headers: list[tuple[bytes, bytes]], now_s: float) -> None:
    """Whatever a gateway sends, the wait is bounded or there is none."""
    found = retry_after_s(headers, now_s)
    assert found is None or 0 <= found <= MOST_WAIT_S
