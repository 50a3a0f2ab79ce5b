"""The token estimate against counts that real vocabularies gave."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenswarm.prompts.tokens import estimate_tokens, weigh

# Text and its tokens in cl100k_base.
COUNTED = (
    ("What is machine learning?", 5),
    ("Explain neural networks", 4),
    ("The quick brown fox jumps over the lazy dog, and nobody minds.", 14),
    ("I don't think they've seen it; she'll call when we're back.", 17),
    ("Internationalisation and misinterpretation are uncharacteristically long words.", 13),
    ("Please transfer 1,250,000 units to account 48213907 by 2024-03-15 at 09:45.", 29),
    ("def add(a, b):\n    return a + b\n", 12),
    ('for i in range(10):\n    if i % 2 == 0:\n        print(f"{i} is even")\n', 26),
    ("const users = await Promise.all(ids.map((id) => loadUser(id)));\nconsole.log(users.length);", 21),
    (
        """app.get('/api/orders/:id', async (req, res) => {
  const row = await db.find(req.params.id);
  res.json(row);
});""",
        33,
    ),
    (
        '''class HTTPServerError(Exception):
    """Raised when the server answers 5xx."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"status {status_code}")
''',
        43,
    ),
    ("| name | value |\n|------|-------|\n| p50  | 120   |\n| p99  | 480   |\n", 28),
    (
        "SELECT customer_id, SUM(amount) FROM orders WHERE created_at >= '2024-01-01' GROUP BY customer_id;",
        26,
    ),
    ("The café in Zürich serves crème brûlée – naïve tourists love it…", 20),
)


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_one_estimate_is_within_a_quarter_of_the_count(text: str, tokens: int) -> None:
    """Short and odd texts are the hardest; longer ones come much closer."""
    assert abs(estimate_tokens(text) - tokens) <= max(2, tokens / 4)


def test_the_sum_of_estimates_is_within_a_tenth_of_the_count() -> None:
    """Errors of single texts don't all point one way."""
    assert sum(estimate_tokens(text) for text, _ in COUNTED) == pytest.approx(
        sum(tokens for _, tokens in COUNTED), rel=0.10
    )


def test_an_empty_text_has_no_tokens() -> None:
    """Nothing else has none."""
    assert estimate_tokens("") == 0


@settings(deadline=None)  # a busy machine must not fail it
@given(st.text(min_size=1))
def test_any_text_has_at_least_one_token(text: str) -> None:
    """Whatever the characters: control characters and lone spaces as well."""
    assert estimate_tokens(text) >= 1


@pytest.mark.parametrize("mark", string.punctuation)
def test_every_mark_is_counted(mark: str) -> None:
    """No punctuation falls between the kinds of pieces."""
    assert weigh(f"a {mark} b") > weigh("a b")


@settings(deadline=None)  # a busy machine must not fail it
@given(
    st.lists(st.sampled_from(["word", "Longer", "42", "x", "internationalisation"]), min_size=1, max_size=30)
)
def test_words_add_up(words: list[str]) -> None:
    """A sentence weighs what its words weigh after a space: templates rely on it."""
    assert weigh(" " + " ".join(words)) == pytest.approx(sum(weigh(" " + word) for word in words))


def test_indentation_costs_one_token_and_not_one_for_each_space() -> None:
    """Code would be overcounted several times otherwise."""
    assert weigh("if a:\n" + " " * 16 + "b") == pytest.approx(weigh("if a:\n    b"))
