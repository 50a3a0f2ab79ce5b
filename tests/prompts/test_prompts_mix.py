"""The mix of calls: exact by the deck, unforeseeable in order, clear about bad weights."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.mix import CallKind, Mix, call_mix

THE_MIX = {"short": 30, "medium": 50, "long": 20}

WEIGHTS = st.dictionaries(
    st.integers(0, 12),
    st.one_of(
        st.just(0.0),
        st.integers(0, 100).map(float),
        st.floats(min_value=0, max_value=1e6),
        st.sampled_from([1 / 3, 2 / 7, 3.14159265, 0.1 * 3, 1e-9, 1e12]),
    ),
    min_size=1,
    max_size=10,
).filter(lambda weights: sum(weights.values()) > 0)


def draw(mix: Mix[int] | Mix[str] | Mix[CallKind], times: int) -> Counter[Any]:
    """How often each entry came in so many draws."""
    return Counter(mix.next() for _ in range(times))


def test_whole_decks_hold_the_mix_exactly() -> None:
    """30/50/20 with half of the calls streaming fits in 20 calls, and so in every 20."""
    mix = Mix(call_mix(THE_MIX, 0.5), Random(1))
    assert mix.deck_length == 20
    for _ in range(50):
        counts = draw(mix, 20)
        for stream in (False, True):
            assert [counts[CallKind(prompt, stream)] for prompt in THE_MIX] == [3, 5, 2]


def test_ten_thousand_draws_are_within_one_deck_of_exact() -> None:
    """Far closer than chance, whose standard deviation is 46 calls here."""
    mix = Mix(THE_MIX, Random(7))
    counts = draw(mix, 10_007)
    for entry, weight in THE_MIX.items():
        assert abs(counts[entry] - 10_007 * weight / 100) <= mix.deck_length * weight / 100


@settings(deadline=None)  # a busy machine must not fail it
@given(WEIGHTS, st.integers(1, 6), st.integers())
def test_after_any_number_of_decks_every_count_is_less_than_one_off(
    weights: dict[int, float], decks: int, seed: int
) -> None:
    """For any weights: zeros, a single entry, ratios that no deck can hold."""
    mix = Mix(weights, Random(seed))
    times = decks * mix.deck_length
    counts = draw(mix, times)
    total = sum(weights.values())
    for entry, weight in weights.items():
        assert abs(counts[entry] - times * weight / total) < 1 + 1e-6


@settings(deadline=None)  # a busy machine must not fail it
@given(WEIGHTS)
def test_an_entry_without_weight_never_comes(weights: dict[int, float]) -> None:
    """0 % means never."""
    counts = draw(Mix(weights, Random(3)), 300)
    assert not [entry for entry in counts if weights[entry] == 0]


def test_a_single_entry_always_comes() -> None:
    """The plainest mix works like any other."""
    assert draw(Mix({"short": 0.37}, Random(1)), 45) == {"short": 45}


def test_a_rare_entry_comes_when_its_time_has_come() -> None:
    """One call in a thousand is dealt once in a thousand, though no deck is that long."""
    mix = Mix({"common": 999, "rare": 1}, Random(1))
    assert mix.deck_length == 200
    assert draw(mix, 5000)["rare"] == 5


def test_a_share_of_a_few_in_a_hundred_thousand_is_kept() -> None:
    """Shares are tidied only where floating point blurred them, never rounded."""
    assert draw(Mix({"common": 99_997, "rare": 3}, Random(1)), 100_000)["rare"] == 3


def test_the_same_seed_deals_the_same_order() -> None:
    """A run can be repeated."""
    one, other = Mix(THE_MIX, Random(5)), Mix(THE_MIX, Random(5))
    assert [one.next() for _ in range(500)] == [other.next() for _ in range(500)]


def test_another_seed_deals_another_order() -> None:
    """Workers don't send in step."""
    one, other = Mix(THE_MIX, Random(5)), Mix(THE_MIX, Random(6))
    assert [one.next() for _ in range(40)] != [other.next() for _ in range(40)]


def test_decks_differ_in_their_order() -> None:
    """No pattern repeats that a gateway's own rhythm could lock on to."""
    mix = Mix({"a": 1, "b": 1}, Random(2))
    decks = {tuple(mix.next() for _ in range(mix.deck_length)) for _ in range(50)}
    assert len(decks) == 50


def test_users_of_different_speed_share_one_mix() -> None:
    """A fast user takes more cards from the deck, and the share of calls stays that of the mix."""
    mix, pace = Mix(THE_MIX, Random(4)), Random(9)
    by_user: dict[str, Counter[str]] = {"fast": Counter(), "slow": Counter()}
    for _ in range(1000):
        by_user["fast" if pace.random() < 0.9 else "slow"][mix.next()] += 1
    assert by_user["fast"] + by_user["slow"] == {"short": 300, "medium": 500, "long": 200}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"short": -5, "long": 10}, "the weight of short is -5, need a number ≥ 0"),
        ({"short": float("nan")}, "the weight of short is nan"),
        ({"short": float("inf")}, "the weight of short is inf"),
        ({"short": 0, "long": 0}, "all weights are 0"),
        ({}, "all weights are 0 or none is given"),
    ],
)
def test_bad_weights_are_refused(weights: dict[str, float], message: str) -> None:
    """Before any load, and by name."""
    with pytest.raises(ConfigurationError, match=message):
        Mix(weights, Random(1))


def test_call_mix_splits_each_prompt_class_by_streaming() -> None:
    """The weights are shares that sum to 1."""
    assert call_mix(THE_MIX, 0.25) == pytest.approx(
        {
            CallKind("short", False): 0.225,
            CallKind("short", True): 0.075,
            CallKind("medium", False): 0.375,
            CallKind("medium", True): 0.125,
            CallKind("long", False): 0.15,
            CallKind("long", True): 0.05,
        }
    )


@pytest.mark.parametrize(("share", "streams"), [(0, {False}), (1, {True})])
def test_call_mix_leaves_out_what_never_occurs(share: float, streams: set[bool]) -> None:
    """All or nothing streamed leaves one kind for each prompt class; a class at 0 leaves none."""
    kinds = call_mix({**THE_MIX, "long": 0}, share)
    assert {kind.stream for kind in kinds} == streams
    assert {kind.prompt for kind in kinds} == {"short", "medium"}


@pytest.mark.parametrize("share", [-0.1, 50, float("nan")])
def test_a_streaming_share_outside_0_to_1_is_refused(share: float) -> None:
    """50 for 50 % is the likely slip, and the message says so."""
    with pytest.raises(ConfigurationError, match="need a share from 0 to 1"):
        call_mix(THE_MIX, share)


def test_both_arms_get_the_same_mix_in_the_share_asked_for() -> None:
    """Of 400 calls a tenth go straight to the provider: 3:5:2 by size there too, half of each streaming."""
    mix = Mix(call_mix(THE_MIX, 0.5, 0.1), Random(1))
    counts = draw(mix, 400)
    for is_direct, calls in ((True, 40), (False, 360)):
        for prompt, share in (("short", 0.3), ("medium", 0.5), ("long", 0.2)):
            for stream in (True, False):
                assert counts[CallKind(prompt, stream, is_direct)] == calls * share / 2


def test_models_are_asked_for_by_weight_in_every_kind_of_call() -> None:
    """Of 400 calls 3 in 4 ask for the first model: in each size, streaming or not, 3:1."""
    mix = Mix(call_mix(THE_MIX, 0.5, models={"a": 3, "b": 1}), Random(1))
    counts = draw(mix, 400)
    for model, part in (("a", 0.75), ("b", 0.25)):
        for prompt, share in (("short", 0.3), ("medium", 0.5), ("long", 0.2)):
            for stream in (True, False):
                assert counts[CallKind(prompt, stream, model=model)] == 400 * part * share / 2
