"""The source of prompts that user classes call: unique, fair to the whole corpus, repeatable."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.corpus import SIZE_CLASSES, Corpus, load_corpus
from tokenswarm.prompts.source import PromptSource
from tokenswarm.prompts.tokens import estimate_tokens

CLASSES = tuple(SIZE_CLASSES)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The corpus of the package."""
    return load_corpus()


def test_twenty_thousand_prompts_of_four_workers_are_all_distinct(corpus: Corpus) -> None:
    """Even with the same seed on every worker: the namespace alone keeps them apart."""
    sources = [PromptSource(corpus, f"run-1/worker-{worker}", Random(1)) for worker in range(4)]
    texts = {source.next(CLASSES[n % 3]).text for source in sources for n in range(5000)}
    assert len(texts) == 20_000


def test_prompts_share_no_prefix(corpus: Corpus) -> None:
    """The reference stands in front, so a cache of prefixes gains nothing: all differ in 30 characters."""
    source = PromptSource(corpus, "run-1", Random(1))
    assert len({source.next("long").text[:30] for _ in range(5000)}) == 5000


def test_runs_differ_by_their_namespace(corpus: Corpus) -> None:
    """A second run with the same seed must not meet the answers of the first one in a cache."""
    one, other = (PromptSource(corpus, namespace, Random(1)) for namespace in ("run-1", "run-2"))
    assert not {one.next("short").text for _ in range(2000)} & {other.next("short").text for _ in range(2000)}


def test_the_same_namespace_and_seed_give_the_same_prompts(corpus: Corpus) -> None:
    """A run can be repeated word for word, which is how a cache is hit on purpose."""
    one, other = (PromptSource(corpus, "run-1", Random(1)) for _ in range(2))
    assert [one.next(CLASSES[n % 3]) for n in range(300)] == [other.next(CLASSES[n % 3]) for n in range(300)]


@pytest.mark.parametrize("size_class", CLASSES)
def test_no_entry_comes_again_before_all_have_come(corpus: Corpus, size_class: str) -> None:
    """Each round of a class holds its languages and domains exactly as the corpus does."""
    source = PromptSource(corpus, "run-1", Random(1))
    expected = Counter((entry.language, entry.domain) for entry in corpus.of(size_class))
    rounds = []
    for _ in range(3):
        prompts = [source.next(size_class) for _ in corpus.of(size_class)]
        assert Counter((prompt.language, prompt.domain) for prompt in prompts) == expected
        rounds.append([(prompt.language, prompt.domain) for prompt in prompts])
    assert rounds[0] != rounds[1] != rounds[2]


@pytest.mark.parametrize("size_class", CLASSES)
def test_a_prompt_knows_its_tokens(corpus: Corpus, size_class: str) -> None:
    """What was added up from parts is the estimate of the text, give or take a half that was rounded."""
    source = PromptSource(corpus, "run-1", Random(1))
    for _ in range(1000):
        prompt = source.next(size_class)
        assert prompt.size_class == size_class
        assert abs(prompt.tokens - estimate_tokens(prompt.text)) <= 1


def test_no_slot_is_left_open(corpus: Corpus) -> None:
    """No guillemet reaches a model."""
    source = PromptSource(corpus, "run-1", Random(1))
    assert not [prompt for n in range(600) if set("«»") & set((prompt := source.next(CLASSES[n % 3])).text)]


def test_an_unknown_size_class_is_refused(corpus: Corpus) -> None:
    """With the names that there are."""
    with pytest.raises(ConfigurationError, match="no size class 'huge'"):
        PromptSource(corpus, "run-1", Random(1)).next("huge")


def test_an_empty_namespace_is_refused(corpus: Corpus) -> None:
    """It would be the same for all runs."""
    with pytest.raises(ConfigurationError, match="the namespace is empty"):
        PromptSource(corpus, "", Random(1))
