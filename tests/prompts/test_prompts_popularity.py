"""Who asks for what, and how often: Zipf's law over all workers together."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.prompts.popularity import Part, Popularity

SIZES = st.integers(min_value=1, max_value=300)
EXPONENTS = st.floats(min_value=0, max_value=3)
WORKERS = st.integers(min_value=1, max_value=12)


@pytest.mark.parametrize("exponent", [0.0, 1.0])
@pytest.mark.parametrize("workers", [1, 3])
def test_draws_follow_the_law_whoever_makes_them(exponent: float, workers: int) -> None:
    """The k-th thing comes in proportion to 1 ÷ k^s, and three workers together draw as one would alone."""
    size, draws = 20, 60_000
    drawn: Counter[int] = Counter()
    for number in range(workers):
        popularity = Popularity(size, exponent, Part(number, workers), Random(number))
        drawn.update(popularity.next() for _ in range(draws // workers))
    whole = sum((k + 1) ** -exponent for k in range(size))
    for k in range(size):
        share = (k + 1) ** -exponent / whole
        assert drawn[k] == pytest.approx(draws * share, abs=5 * (draws * share) ** 0.5), k


@given(SIZES, EXPONENTS, WORKERS)
def test_every_thing_begins_in_one_part(size: int, exponent: float, workers: int) -> None:
    """Who fills a cache by the parts' lists asks for all of it, each once."""
    parts = [Popularity(size, exponent, Part(number, workers), Random(0)) for number in range(workers)]
    assert sorted(thing for part in parts for thing in part.begun()) == list(range(size))


@given(SIZES, EXPONENTS, WORKERS)
def test_what_is_ones_own_no_other_worker_draws(size: int, exponent: float, workers: int) -> None:
    """At most one thing on each cut is shared, or a single one that is wider than a part."""
    parts = [Popularity(size, exponent, Part(number, workers), Random(number)) for number in range(workers)]
    owners = {thing: [n for n, part in enumerate(parts) if part.is_own(thing)] for thing in range(size)}
    assert all(len(found) <= 1 for found in owners.values())
    assert sum(not found for found in owners.values()) <= workers - 1
    for number, part in enumerate(parts):
        for thing in {part.next() for _ in range(50)}:
            assert owners[thing] in ([], [number])
