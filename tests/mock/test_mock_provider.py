"""The provider's plans: when chunks are due, which calls fail, and that seeds repeat both."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from tokenswarm.mock.distribution import Fixed, Lognormal
from tokenswarm.mock.orders import Orders, read_orders
from tokenswarm.mock.provider import Provider

BASE = Orders(ttft=Fixed(50), itl=Fixed(5), tokens=Fixed(4))


def provider(seed: int = 1) -> Provider:
    return Provider(errors=Random(seed), timing=Random(seed + 1))


def ordered(**orders: str) -> Orders:
    return read_orders(orders.items(), BASE, "here")


def due_ms(**orders: str) -> list[float]:
    return [round(at_s * 1000, 6) for at_s in provider().plan(ordered(**orders), None).due_s]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ({}, [50, 55, 60, 65]),  # one chunk a token
        ({"chunk_tokens": "2"}, [50, 60]),  # two tokens a chunk take twice as long
        ({"chunk_tokens": "3"}, [50, 65]),  # the last chunk has one token
        ({"reasoning": "2"}, [50, 55, 60, 65, 70, 75]),  # reasoning tokens come first
        ({"stall_at": "2", "stall": "100"}, [50, 55, 160, 165]),  # after two chunks, once
        ({"stall_at": "0", "stall": "7"}, [57, 62, 67, 72]),  # before the first
        ({"stall_at": "9"}, [50, 55, 60, 65]),  # beyond the end
    ],
)
def test_chunks_are_due_at_absolute_times(orders: dict[str, str], expected: list[float]) -> None:
    """The n-th chunk is due after ttft and n gaps, in ms after receipt."""
    assert due_ms(**orders) == expected


def test_drawn_gaps_differ_and_never_run_backwards() -> None:
    """A spread of gaps still gives rising times."""
    times = due_ms(itl="lognormal:5:0.8", tokens="50")
    gaps = {round(b - a, 3) for a, b in pairwise(times)}
    assert len(times) == 50
    assert len(gaps) > 40
    assert times == sorted(times)


def test_equal_seeds_give_equal_plans_and_others_do_not() -> None:
    """The whole run can be repeated."""
    orders = ordered(ttft="lognormal:50:0.5", itl="lognormal:5:0.5", tokens="p50:20:p99:90", error_rate="0.3")

    def plans(seed: int) -> list[object]:
        one = provider(seed)
        return [
            (plan.status, plan.tokens, plan.due_s) for plan in (one.plan(orders, None) for _ in range(50))
        ]

    assert plans(1) == plans(1)
    assert plans(1) != plans(2)


def test_which_calls_fail_does_not_depend_on_the_timing() -> None:
    """Errors have a source of randomness of their own."""

    def failing(**orders: str) -> list[bool]:
        one = provider()
        return [one.plan(ordered(error_rate="0.3", **orders), None).status != 200 for _ in range(200)]

    assert failing() == failing(itl="lognormal:5:0.5", tokens="lognormal:30:0.4")


def test_the_share_of_errors_is_the_ordered_one() -> None:
    """5 % of 20,000 calls, give or take what chance allows."""
    one = provider()
    statuses = [one.plan(ordered(error_rate="5%", status="503"), None).status for _ in range(20_000)]
    assert set(statuses) == {200, 503}
    assert statuses.count(503) == pytest.approx(1000, rel=0.12)


def test_a_rate_without_a_status_fails_with_500() -> None:
    """The default of what fails."""
    assert provider().plan(ordered(error_rate="1"), None).status == 500


def test_max_tokens_caps_the_answer() -> None:
    """A cap below the planned size shortens it and is remembered; one above changes nothing."""
    capped, equal, free = (provider().plan(BASE, cap) for cap in (2, 4, 9))
    assert (capped.tokens, capped.is_capped, len(capped.due_s)) == (2, True, 2)
    assert (equal.tokens, equal.is_capped) == (4, False)
    assert (free.tokens, free.is_capped, len(free.due_s)) == (4, False, 4)


def test_an_answer_has_at_least_one_token() -> None:
    """However small the draw."""
    orders = Orders(ttft=Fixed(0), itl=Fixed(0), tokens=Lognormal(-9, 0.1))
    assert provider().plan(orders, None).tokens == 1
