"""The gateway's parts that need no server: breaker, limits, caches, tokens, forced hits."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.proxy.breaker import Breaker, State
from tokenswarm.mock.proxy.exact_cache import ExactCache
from tokenswarm.mock.proxy.forced_hits import ForcedHits
from tokenswarm.mock.proxy.injected import Lateness
from tokenswarm.mock.proxy.ngrams import vector_of
from tokenswarm.mock.proxy.rate_limit import RateLimit, read_rate_limit
from tokenswarm.mock.proxy.stored import Stored
from tokenswarm.mock.proxy.upstream_address import UpstreamAddress, read_addresses
from tokenswarm.mock.proxy.usage import (
    Events,
    Tokens,
    closes,
    into_object,
    into_usage,
    is_complete_stream,
    tokens_in,
    without_tokens,
)
from tokenswarm.mock.proxy.vector_index import VectorIndex, pack, unpack

STORED = Stored(b"{}", False, b"application/json", [(b"x-a", b"\xe9")], "primary", Tokens(3, 4))


class TestBreaker:
    """closed → open → half-open → closed, or open again."""

    def breaker(self) -> tuple[Breaker, list[tuple[str, str]]]:
        changes: list[tuple[str, str]] = []
        return Breaker(3, 10.0, lambda old, new: changes.append((old.name, new.name))), changes

    def test_it_opens_after_so_many_failures_in_a_row(self) -> None:
        """A success in between starts the count anew."""
        breaker, _ = self.breaker()
        for _ in range(2):
            breaker.failed(0)
        breaker.succeeded()
        for _ in range(2):
            breaker.failed(0)
        assert breaker.may_call(0)
        breaker.failed(0)
        assert not breaker.may_call(9.9)
        assert breaker.wait_s(4) == 6

    def test_one_probe_after_the_cooldown_decides(self) -> None:
        """The others wait for its outcome; well: closed, failed: open for another cool-down."""
        breaker, changes = self.breaker()
        for _ in range(3):
            breaker.failed(0)
        assert [breaker.may_call(10), breaker.may_call(10)] == [True, False]
        breaker.failed(11)
        assert not breaker.may_call(20.9)
        assert breaker.may_call(21)
        breaker.succeeded()
        assert breaker.may_call(21)
        assert changes == [
            ("CLOSED", "OPEN"),
            ("OPEN", "HALF_OPEN"),
            ("HALF_OPEN", "OPEN"),
            ("OPEN", "HALF_OPEN"),
            ("HALF_OPEN", "CLOSED"),
        ]

    def test_a_probe_without_an_outcome_makes_room_for_another(self) -> None:
        """Its client had gone."""
        breaker, _ = self.breaker()
        for _ in range(3):
            breaker.failed(0)
        assert breaker.may_call(10)
        breaker.abandoned()
        assert breaker.may_call(10)

    def test_calls_from_before_it_opened_dont_close_it(self) -> None:
        """A success that was long under way says nothing of now."""
        breaker, _ = self.breaker()
        for _ in range(3):
            breaker.failed(0)
        breaker.succeeded()
        assert breaker.state is State.OPEN


class TestRateLimit:
    """Fixed windows by key."""

    def test_each_key_has_its_own_window(self) -> None:
        """Two a second for each; the window opens with the key's first call."""
        limit = RateLimit(2, 1.0)
        first = [limit.take(b"a", 5.5).is_allowed for _ in range(3)]
        assert first == [True, True, False]
        assert limit.take(b"b", 5.5).is_allowed
        refused = limit.take(b"a", 6.25)
        assert (refused.is_allowed, refused.reset_s, refused.retry_after) == (False, 0.25, 1)
        again = limit.take(b"a", 6.5)
        assert (again.is_allowed, again.remaining) == (True, 1)

    def test_it_keeps_no_more_keys_than_it_may(self) -> None:
        """A client that makes keys up can't fill the memory."""
        limit = RateLimit(1, 60.0)
        for number in range(10_001):
            limit.take(b"%d" % number, 0)
        assert limit.take(b"0", 0).is_allowed  # forgotten
        assert not limit.take(b"10000", 0).is_allowed

    @pytest.mark.parametrize("text", ["10", "0/s", "10/h", "-1/s", "1.5/min"])
    def test_a_wrong_limit_says_what_is_allowed(self, text: str) -> None:
        """N/s or N/min."""
        with pytest.raises(ConfigurationError, match="need N/s or N/min"):
            read_rate_limit(text)


class TestExactCache:
    """TTL and size."""

    def test_an_entry_lives_for_its_time(self) -> None:
        """Up to it, and not at it."""
        cache = ExactCache(10, 5)
        cache.put(b"k", STORED, 0)
        assert cache.find(b"k", 9.9) is STORED
        assert cache.find(b"k", 10) is None
        assert len(cache) == 0

    def test_the_least_recently_used_goes_first(self) -> None:
        """Being found counts as use."""
        cache = ExactCache(10, 2)
        cache.put(b"a", STORED, 0)
        cache.put(b"b", STORED, 0)
        cache.find(b"a", 1)
        cache.put(b"c", STORED, 2)
        assert [cache.find(key, 3) is not None for key in (b"a", b"b", b"c")] == [True, False, True]


class TestForcedHits:
    """A known ratio."""

    def test_the_ratio_is_exact_in_any_fifty_calls(self) -> None:
        """By layer; shares that are no fiftieths are right in the long run."""
        forced = ForcedHits(0.4, 0.2, Random(7))
        forced.keep("k", STORED)
        for _ in range(20):
            layers = [drawn[1] if (drawn := forced.draw("k")) else "" for _ in range(50)]
            assert (layers.count("l1"), layers.count("l2")) == (20, 10)
        odd = ForcedHits(1 / 3, 0, Random(7))
        odd.keep("k", STORED)
        assert sum(odd.draw("k") is not None for _ in range(5000)) == pytest.approx(5000 / 3, abs=50)

    def test_hits_that_could_not_be_are_made_good_for(self) -> None:
        """Before the first answer there is none to give; after it, one more hit for each that is owed."""
        forced = ForcedHits(0.5, 0, Random(3))
        before = [forced.draw("k") for _ in range(20)]
        assert before == [None] * 20
        forced.keep("k", STORED)
        after = [forced.draw("k") is not None for _ in range(80)]
        assert sum(after) == 50

    def test_an_answer_is_given_to_its_kind_only(self) -> None:
        """A stream's never answers a call that isn't one."""
        forced = ForcedHits(1, 0, Random(1))
        forced.keep("stream", STORED)
        assert forced.draw("whole") is None
        assert forced.draw("stream") == (STORED, "l1")


def test_stored_answers_survive_packing() -> None:
    """With bytes that aren't text in their headers."""
    assert Stored.unpack(STORED.pack()) == STORED


def cosine(one: str, other: str) -> float:
    return float(vector_of(one) @ vector_of(other))


class TestSimilarity:
    """Hashed trigrams."""

    def test_alike_is_near_and_different_is_far(self) -> None:
        """Around the default limit of 0.85."""
        question = "What is the capital of France, and how many people live there?"
        assert cosine(question, "what is the capital of  France and how many people live there") > 0.85
        assert cosine(question, "Write a function in Python that sorts a list of numbers.") < 0.3
        assert cosine("Request 10", "Request 1") > 0.85

    def test_long_texts_are_not_all_alike(self) -> None:
        """They share their language's trigrams, and are still told apart."""
        one = " ".join(f"the gateway number {n} forwards what clients ask of it" for n in range(40))
        other = " ".join(f"rivers of stone {n} carry nobody through this quiet valley" for n in range(40))
        assert cosine(one, other) < 0.5

    @pytest.mark.parametrize("text", ["", "a", "ab", "é", "x" * 100_000])
    def test_any_text_has_a_unit_vector(self, text: str) -> None:
        """Also none, and far too much."""
        assert cosine(text, text) == pytest.approx(1, abs=1e-5)

    def test_the_nearest_is_found_within_its_scope_only(self) -> None:
        """And the oldest goes when the index is full."""
        index = VectorIndex(2)
        index.add(b"s", "red", vector_of("a red house"))
        index.add(b"t", "blue", vector_of("a blue house"))
        near = index.nearest(b"s", vector_of("a blue house"))
        assert near is not None
        assert near.name == "red"
        assert index.add(b"s", "green", vector_of("a green house")) == "red"
        near = index.nearest(b"s", vector_of("a red house"))
        assert near is not None
        assert (near.name, len(index)) == ("green", 2)
        assert index.nearest(b"u", vector_of("x")) is None

    def test_half_precision_is_enough(self) -> None:
        """A packed vector is its own nearest, to three decimals."""
        vector = vector_of("some question about something")
        assert float(vector @ unpack(pack(vector))) == pytest.approx(1, abs=1e-3)
        with pytest.raises(ValueError, match="2 dimensions"):
            unpack(b"1234")


CHAT_STREAM = (
    b'data: {"choices":[{"delta":{"content":"say \\"usage\\":{\\"prompt_tokens\\":99}"}}],"usage":null}'
    b"\r\n\r\n"
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\ndata: [DONE]\n\n'
)


class TestUsage:
    """Tokens, wherever they stand."""

    def test_tokens_are_found_in_every_dialect(self) -> None:
        """The last figure counts, and words in a text never do."""
        assert tokens_in(CHAT_STREAM) == Tokens(7, 5)
        anthropic = b'{"type":"message_start","message":{"usage":{"input_tokens": 9,"output_tokens":1}}}'
        anthropic += b'{"type":"message_delta","usage":{"output_tokens":12}}'
        assert tokens_in(anthropic) == Tokens(9, 12)
        assert tokens_in(b'{"usage":{"prompt_tokens":3,"prompt_tokens_details":{}}}') == Tokens(3, 0)
        assert tokens_in(b"rubbish") == Tokens(0, 0)

    def test_fields_are_spliced_in(self) -> None:
        """Into the usage, into the first object, or nowhere."""
        assert into_usage(b'{"usage": {"a":1}}', b'"cost":2,') == b'{"usage": {"cost":2,"a":1}}'
        assert into_usage(b'{"usage":null}', b'"cost":2,') == b'{"usage":null}'
        assert into_object(b'data: {"a":1}', b'"b":2,') == b'data: {"b":2,"a":1}'
        assert into_object(b"rubbish", b'"b":2,') == b"rubbish"
        assert without_tokens(b'{"prompt_tokens":12,"id":3}') == b'{"prompt_tokens":0,"id":3}'

    @pytest.mark.parametrize(
        ("data", "is_complete"),
        [
            (CHAT_STREAM, True),
            (CHAT_STREAM[:-14], False),
            (CHAT_STREAM + b'data: {"error": {"message":"no"}}\n\n', False),
            (b'event: message_stop\ndata: {"type":"message_stop"}\n\n', True),
            (b'data: {"type": "response.completed","response":{"error":null}}\n\n', True),
            (b'data: {"delta":"data: [DONE]"}\n\n', False),
        ],
    )
    def test_only_streams_that_ended_well_are_complete(self, data: bytes, is_complete: bool) -> None:
        """A cut or failed stream must never be cached."""
        assert is_complete_stream(data) is is_complete

    @given(st.integers(0, len(CHAT_STREAM)), st.integers(0, len(CHAT_STREAM)))
    def test_events_are_the_same_however_they_arrive(self, one: int, two: int) -> None:
        """At every pair of splits: nothing is lost, and no event is torn."""
        first, second = sorted((one, two))
        events = Events()
        parts = CHAT_STREAM[:first], CHAT_STREAM[first:second], CHAT_STREAM[second:]
        found = [event for part in parts for event in events.feed(part)]
        assert b"".join(found) + events.rest() == CHAT_STREAM
        assert [closes(event) for event in found] == [False, True, False]


class TestAddresses:
    """URL[=NAME][@MODEL]."""

    def test_names_and_models_are_optional(self) -> None:
        """The first two have their usual names."""
        addresses = read_addresses(("http://a:1", "https://b/base/@gpt-4", "http://[::1]:3=third@m@1"))
        assert addresses == [
            UpstreamAddress("primary", "a", 1, "", False, None),
            UpstreamAddress("secondary", "b", 443, "/base", True, "gpt-4"),
            UpstreamAddress("third", "::1", 3, "", False, "m@1"),
        ]
        assert addresses[2].url == "http://[::1]:3"

    @pytest.mark.parametrize(
        "texts", [("ftp://a",), ("http://a=",), ("a:1",), ("http://a:99999",), ("http://a=x",) * 2]
    )
    def test_a_wrong_address_is_told(self, texts: tuple[str, ...]) -> None:
        """With what is wanted."""
        with pytest.raises(ConfigurationError, match="--upstream"):
            read_addresses(texts)


def test_lateness_is_learned_to_its_median_and_not_beyond_a_bound() -> None:
    """Half of the calls then get more than was asked for, and half less; an overload isn't hidden."""
    rng, lateness = Random(4), Lateness()
    took_s = [rng.lognormvariate(-8.5, 0.3) for _ in range(2000)]  # 0.2 ms at the median
    for each_s in took_s:
        lateness.learn(is_late=each_s > lateness.median_s)
    assert lateness.median_s == pytest.approx(sorted(took_s)[1000], rel=0.3)
    for _ in range(1000):
        lateness.learn(is_late=True)
    assert lateness.median_s == pytest.approx(500e-6)
    for _ in range(1000):
        lateness.learn(is_late=False)
    assert lateness.median_s == 0
