"""Templates: slots filled with natural values, and weights that are right for each of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.template import parse_template
from tokenswarm.prompts.tokens import weigh

VALUES = {
    "city": ["Oslo", "Porto", "Halden Springs"],
    "count": ["12", "4800"],
    "field": ["price", "internationalisation"],
}


def test_every_combination_comes_up_once() -> None:
    """Numbers below the product of the value counts name each variation exactly once."""
    template = parse_template("From «city» with «count» boxes by «field».", VALUES)
    texts = {template.fill(number).text for number in range(12)}
    assert texts == {
        f"From {city} with {count} boxes by {field}."
        for city, count, field in itertools.product(VALUES["city"], VALUES["count"], VALUES["field"])
    }


def test_a_slot_that_occurs_twice_takes_one_value() -> None:
    """A name in the question and in its code must be the same name."""
    filled = parse_template('sum(r["«field»"]) over «field» in «city»', VALUES).fill(0)
    assert filled.text == 'sum(r["price"]) over price in Oslo'


def test_code_with_braces_and_percent_signs_is_left_alone() -> None:
    """Braces, dollars and percent signs are ordinary text in a prompt."""
    text = "`${n % 2}` {city} 100%s %(x)s «city» {}"
    assert parse_template(text, VALUES).fill(1).text == text.replace("«city»", "Porto")


PLACES = [
    "in «city»",
    '("«field»")',
    "x.«field» > «count»",
    "[«count», «count»]",
    "'«city»',",
    "`«field»`\n  ok",
]


@settings(deadline=None)  # a busy machine must not fail it
@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=5), st.integers(min_value=0))
def test_the_weight_is_that_of_the_filled_text(places: list[str], number: int) -> None:
    """The sum over parts equals the estimate of the whole, so a prompt needs no estimate when it is drawn."""
    template = parse_template(" and ".join(places), VALUES)
    filled = template.fill(number)
    assert filled.weight == pytest.approx(weigh(" " + filled.text))
    assert template.lightest <= filled.weight + 1e-9
    assert template.heaviest >= filled.weight - 1e-9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no place to vary", "no «slot»"),
        ("unknown «planet» here", "unknown slot «planet»; known are city, count, field"),
        ("two «city»s", "touches a letter or digit at '»s'"),
        ("mid«city» word", "touches a letter or digit at 'd«'"),
    ],
)
def test_a_bad_template_says_what_is_wrong(text: str, message: str) -> None:
    """The author of a prompt gets the place and the mend."""
    with pytest.raises(ConfigurationError, match=message):
        parse_template(text, VALUES)
