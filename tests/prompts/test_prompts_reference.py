"""References: unique within a namespace, apart between namespaces, and all spelled alike."""

from __future__ import annotations

import re
from itertools import pairwise
from math import gcd

from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.prompts.reference import SPACE, STEP, References, spell
from tokenswarm.prompts.tokens import weigh

LETTERS = "BCDFGHJKLMNPQRTVWXYZ"


def test_the_step_visits_every_reference() -> None:
    """Coprime to the space: no counter below it gives a reference twice."""
    assert gcd(STEP, SPACE) == 1


@settings(deadline=None)  # a busy machine must not fail it
@given(st.integers(0, SPACE - 1))
def test_a_number_can_be_read_back_from_its_spelling(number: int) -> None:
    """Spelling loses nothing, so different numbers are spelled differently."""
    read = 0
    for a, b, *digits in spell(number).split("-"):
        read = read * 400_000 + (LETTERS.index(a) * 20 + LETTERS.index(b)) * 1000 + int("".join(digits))
    assert read == number


@settings(deadline=None)  # a busy machine must not fail it
@given(st.integers(0, SPACE - 1))
def test_all_references_have_one_form_and_one_weight(number: int) -> None:
    """A varied prompt's tokens are known without looking at its reference."""
    text = spell(number)
    assert re.fullmatch(r"([B-DF-HJ-NP-RTV-Z]{2}\d{3})(-[B-DF-HJ-NP-RTV-Z]{2}\d{3}){2}", text)
    assert weigh(text) == weigh(spell(0))


def test_neighbours_look_unrelated() -> None:
    """Consecutive references share no group, so that no cache sees a common prefix."""
    references = References("run-1")
    groups = [spell(references.number(n)).split("-") for n in range(1000)]
    for before, after in pairwise(groups):
        assert not set(before) & set(after)


def test_namespaces_that_differ_by_one_character_do_not_meet() -> None:
    """Workers of one run, and runs of one minute, have nearly the same names."""
    seen: set[int] = set()
    for worker in range(20):
        references = References(f"run-1/worker-{worker}")
        seen.update(references.number(n) for n in range(5000))
    assert len(seen) == 100_000
