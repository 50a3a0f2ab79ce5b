"""Questions to try caches with: alike in all their wordings, and unlike each other."""

from __future__ import annotations

import numpy as np
import pytest

from tokenswarm.mock.proxy.ngrams import Vector, vector_of
from tokenswarm.prompts.corpus import SIZE_CLASSES
from tokenswarm.prompts.questions import Ask, Questions
from tokenswarm.prompts.tokens import estimate_tokens

SIMILARITY = 0.85  # from which on the mock gateway takes two texts for one question


def texts(size: str, asks: list[Ask]) -> list[str]:
    questions = Questions()
    return [questions.write(ask, size).text for ask in asks]


def vectors(found: list[str]) -> Vector:
    return np.stack([vector_of(text) for text in found])


@pytest.mark.parametrize("size", SIZE_CLASSES)
def test_other_wordings_are_alike_to_a_semantic_cache(size: str) -> None:
    """The first thirty of each question, and those with a number once words have run out."""
    asks = [Ask("", "run", number) for number in range(40)]
    first = vectors(texts(size, asks))
    for wording in (*range(1, 30), 500, 4000):
        other = vectors(texts(size, [ask._replace(wording=wording) for ask in asks]))
        assert (first * other).sum(axis=1).min() > SIMILARITY, wording


@pytest.mark.parametrize("size", SIZE_CLASSES)
def test_different_questions_are_not_alike(size: str) -> None:
    """Within a run and between two: a cold cache must stay cold though last week's run has filled it."""
    asks = [
        Ask("", space, number)
        for space in ("run-1/pool", "run-2/pool", "run-1/0/unique")
        for number in range(400)
    ]
    found = vectors(texts(size, asks))
    similarity = found @ found.T
    np.fill_diagonal(similarity, 0)
    assert similarity.max() < SIMILARITY


def test_no_two_wordings_are_the_same_text() -> None:
    """An exact cache must not answer what only a semantic one can."""
    asks = [Ask("", "run", number, wording) for number in range(4) for wording in range(1500)]
    assert len(set(texts("short", asks))) == len(asks)


@pytest.mark.parametrize("size", SIZE_CLASSES)
def test_questions_keep_to_their_size_class(size: str) -> None:
    """Reworded ones too; and the estimate is that of the text."""
    questions, bounds = Questions(), SIZE_CLASSES[size]
    for number in range(400):
        for wording in (0, number + 1):
            prompt = questions.write(Ask("", "run", number, wording), size)
            assert bounds.min_tokens <= estimate_tokens(prompt.text) <= bounds.max_tokens, prompt.text
        assert abs(questions.write(Ask("", "run", number), size).tokens - estimate_tokens(prompt.text)) < 15


def test_a_question_is_the_same_for_all_who_ask_it() -> None:
    """Workers agree without a word, whatever else they have asked; why they ask makes no difference."""
    one, other = Questions(), Questions()
    other.write(Ask("", "run", 1), "long")
    assert one.write(Ask("exact", "run", 7, 3), "medium") == other.write(Ask("varied", "run", 7, 3), "medium")
