"""Rules about what answers say: which one decides, what it makes of a text, and how often it did."""

from __future__ import annotations

from typing import Any

import pytest

from tokenswarm.wire.gateway_finder import ANSWERS, GatewayFinder
from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.signal_reader import IMPLIED_MISS, AnswerSaid, Applied, SignalReader
from tokenswarm.wire.signal_rule import Rule


def answer(
    body: bytes = b"", *, is_success: bool = True, response_id: str = "", **headers: str
) -> AnswerSaid:
    """An answer; underscores of header names stand for dashes."""
    named = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    return AnswerSaid(named, is_success, response_id, body=KeptAnswer(body))


def read(said: AnswerSaid, *rules: Rule) -> dict[str, Any]:
    return SignalReader(rules).read(said)


HIT = Rule("cache", header="X-Cache", matches="^HIT", value="hit")
MISS = Rule("cache", header="x-cache", value="miss")


def test_the_first_rule_that_applies_decides() -> None:
    """HIT is a hit; anything else that is there is a miss; nothing there is nothing."""
    assert read(answer(x_cache="HIT from L1"), HIT, MISS) == {"cache": "hit"}
    assert read(answer(x_cache="STALE"), HIT, MISS) == {"cache": "miss"}
    assert read(answer(), HIT, MISS) == {}


def test_a_rule_is_counted_when_it_decided_and_when_it_was_asked() -> None:
    """Three answers: the second rule is asked of the two that the first left."""
    reader = SignalReader((HIT, MISS))
    for text in ("HIT", "MISS", "HIT"):
        reader.read(answer(x_cache=text))
    reader.read(answer())
    assert reader.take_counts() == {HIT.name: Applied(2, 4), MISS.name: Applied(1, 2)}
    assert reader.take_counts() == {HIT.name: Applied(0, 0), MISS.name: Applied(0, 0)}


def test_silence_can_be_a_miss_and_says_that_it_is_one() -> None:
    """A header that only hits have: whether there is a cache at all, a miss doesn't tell."""
    rule = Rule("cache", header="x-key", absent=True, value="miss")
    assert read(answer(), rule) == {"cache": "miss", IMPLIED_MISS: True}
    assert read(answer(x_key="1"), rule) == {}


@pytest.mark.parametrize(
    ("rule", "header", "expected"),
    [
        (Rule("upstream_time", header="x", unit="s"), "0.011, 0.024", 0.035),
        (Rule("upstream_time", header="x", unit="s"), "0.011 : 0.024", 0.035),
        (Rule("upstream_time", header="x", unit="s"), "0.011, -", 0.011),
        (Rule("upstream_time", header="x", unit="s"), "-", None),
        (Rule("overhead", header="x"), "8.708478684638976", 0.008708478684638976),
        (Rule("overhead", header="x", unit="us"), "11", 0.000011),
        (Rule("overhead", header="x"), "soon", None),
        (Rule("overhead", header="x"), "-3", None),
        (Rule("overhead", header="x"), "1e300", None),
        (Rule("cost", header="x"), "7.5e-06", 7.5e-06),
        (Rule("cost", header="x"), "nan", None),
        (Rule("cost", header="x", matches=r"\$([0-9.]+)"), "about $0.25", 0.25),
        (Rule("fell_back", header="x", matches="^0$", value="no"), "0", False),
        (Rule("fell_back", header="x"), "True", True),
        (Rule("provider", header="x", matches=r"^(\w+)/|^\w+$"), "azure", None),
        (Rule("provider", header="x"), "  ", None),
        (Rule("provider", header="x"), "é\xff", "Ã©Ã¿"),
        (Rule("cache", header="x"), "Hit", "hit"),
        (Rule("cache", header="x"), "REVALIDATED", None),
        (Rule("cache", header="x", equals="0", value="miss"), "0", "miss"),
        (Rule("cache", header="x", equals="0", value="miss"), "00", None),
    ],
)
def test_texts_are_understood_by_what_they_give(rule: Rule, header: str, expected: object) -> None:
    """Times become seconds, lists of them their sum; what can't be understood is not said."""
    said = AnswerSaid({b"x": header.encode()}, is_success=True)
    assert read(said, rule).get(rule.gives) == (pytest.approx(expected) if expected is not None else None)


def test_of_a_hit_neither_provider_nor_times_nor_limits_are_believed() -> None:
    """A stored answer comes with the headers of the call that it was stored from."""
    rules = (
        HIT,
        MISS,
        *(Rule(gives, header="x-n") for gives in ("provider", "overhead", "remaining_tokens")),
    )
    assert read(answer(x_cache="HIT", x_n="9"), *rules) == {"cache": "hit"}
    assert len(read(answer(x_cache="MISS", x_n="9"), *rules)) == 4


def test_a_layer_is_that_of_a_hit() -> None:
    """Some gateways name the layer in which they missed."""
    layer = Rule("cache_layer", header="x-layer")
    assert read(answer(x_cache="MISS", x_layer="L2"), HIT, MISS, layer) == {"cache": "miss"}
    assert read(answer(x_cache="HIT", x_layer="L2"), HIT, layer) == {"cache": "hit", "cache_layer": "L2"}


def test_a_refusal_has_limits_and_an_id_but_no_cache_and_no_cost() -> None:
    """What a failed call cost, and that it came from no cache, would be said of an answer that isn't one."""
    rules = [Rule(gives, header="x-n") for gives in ("cost", "overhead", "remaining_requests", "request_id")]
    assert read(answer(x_n="0", is_success=False), MISS, *rules) == {
        "request_id": "0",
        "remaining_requests": 0,
    }


def test_an_id_that_comes_again_is_a_hit_while_it_is_remembered() -> None:
    """Of two ids the older is forgotten; failures teach no ids; no id repeats nothing."""
    reader = SignalReader((Rule("cache", body="repeated_id", value="hit"),), max_ids=2)
    assert reader.read(answer(response_id="failed", is_success=False)) == {}
    seen = [bool(reader.read(answer(response_id=id_))) for id_ in ("a", "b", "a", "failed", "a", "b", "", "")]
    assert seen == [False, False, True, False, True, False, False, False]


def test_tokens_that_are_all_zero_differ_from_no_count() -> None:
    """A stream without usage says nothing about the cache."""
    hit = Rule("cache", body="no_tokens", value="hit")
    counts = {count: AnswerSaid({}, is_success=True, tokens=count) for count in (0, 5, None)}
    assert {count: read(said, hit) for count, said in counts.items()} == {
        0: {"cache": "hit"},
        5: {},
        None: {},
    }


@pytest.mark.parametrize(
    ("equals", "json", "is_hit"),
    [(True, b"true", True), (True, b"1", False), (1, b"1", True), (1, b"true", False), ("a", b'"a"', True)],
)
def test_a_path_equals_a_value_of_its_kind(equals: str | float | bool, json: bytes, is_hit: bool) -> None:
    """True is not 1, whatever Python thinks."""
    rule = Rule("cache", path="meta.hit", equals=equals, value="hit")
    assert bool(read(answer(b'{"meta":{"hit":%b}}' % json), rule)) is is_hit


def test_null_is_nothing() -> None:
    """A tier of null is that of an answer which came from none."""
    assert read(answer(b'{"tier":null}'), Rule("provider", path="tier")) == {}


def test_a_rule_remembers_only_so_many_texts() -> None:
    """A header that is new on each answer is understood each time, and fills no memory."""
    reader = SignalReader((Rule("request_id", header="x-id"),))
    for _ in range(2):
        found = [reader.read(answer(x_id=f"id-{n}"))["request_id"] for n in range(2000)]
        assert found == [f"id-{n}" for n in range(2000)]


def stream(*chunks: str, end: str = "\n") -> bytes:
    return "".join(f"data: {chunk}{end}{end}" for chunk in chunks).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_last_event_that_has_the_value_is_read(end: str) -> None:
    """What a gateway adds stands at the end; its name inside the model's text is not it."""
    body = stream(
        '{"extra":{"n":"first"}}', '{"extra":{"n":"last"}}', '{"extra":{}}', '{"t":"\\"extra\\""}', end=end
    )
    assert KeptAnswer(body).value_at(("extra", "n")) == "last"


def test_a_stream_that_names_the_key_in_every_chunk_is_searched_at_both_ends() -> None:
    """A thousand chunks are not parsed for a value that the first one has."""
    chunks = [f'{{"choices":[{{"n":{n}}}]}}' for n in range(1000)]
    chunks[1] = '{"choices":[{"rare":1}]}'
    chunks[500] = '{"choices":[{"middle":1}]}'
    kept = KeptAnswer(stream(*chunks, "[DONE]"))
    assert kept.value_at(("choices", 0, "n")) == 999
    assert kept.value_at(("choices", 0, "rare")) == 1
    assert kept.value_at(("choices", 0, "middle")) is None


@pytest.mark.parametrize("body", [b"", b"{", b'data: {"a"', b'"a"', b'\xff"a"\n', b'data: "a"\n\n', b"[1]"])
def test_a_body_that_is_no_json_has_nothing(body: bytes) -> None:
    """Cut streams and pages of HTML are looked into as well."""
    assert read(answer(body), Rule("provider", path="a.b")) == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"gives": "cash", "header": "x"}, "gives: got cash, allowed: cache, "),
        ({"gives": "cache"}, "one of header, path and body"),
        ({"gives": "cache", "header": "x", "path": "y"}, "one of header, path and body"),
        ({"gives": "cache", "header": "x", "matches": "y", "absent": True}, "exclude each other"),
        ({"gives": "cache", "body": "no_tokens"}, "need a value"),
        ({"gives": "cache", "header": "x", "absent": True}, "need a value"),
        ({"gives": "cache", "header": "x", "value": "yes"}, "got yes, which is no cache, allowed: hit, miss"),
        ({"gives": "cost", "header": "x", "value": "much"}, "got much, which is no cost"),
        ({"gives": "cost", "path": "a..b"}, "got a..b, need keys"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    """It would never apply, and its author would wait for figures."""
    with pytest.raises(ValueError, match=said):
        Rule(**fields)


def test_a_gateway_is_looked_for_only_so_long() -> None:
    """Bodies are kept while it is looked for: that must end."""
    finder = GatewayFinder()
    for _ in range(ANSWERS):
        assert not finder.is_done
        found = finder.look(answer())
    assert finder.is_done
    assert found.gateway == "none"


def test_an_llm_gateway_that_shows_late_goes_before_what_showed_early() -> None:
    """Its marks may be on whole answers only, and those of the provider behind it on streams, too."""
    finder = GatewayFinder()
    assert finder.look(answer(openai_processing_ms="5")).gateway == "openai"
    assert finder.look(answer(server="envoy")).gateway == "envoy"
    assert not finder.is_done
    assert finder.look(answer(b'{"metadata":{"cached":false}}')).gateway == "llm-edge-agent"
    assert finder.is_done
