"""The written corpus: enough of everything, in its ranges, and errors that name their place."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import mean

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.corpus import DOMAINS, LANGUAGES, SIZE_CLASSES, Corpus, load_corpus
from tokenswarm.prompts.tokens import estimate_tokens
from tokenswarm.prompts.variation import Variation

SHARES = {"short": 0.3, "medium": 0.5, "long": 0.2}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The corpus of the package."""
    return load_corpus()


@pytest.mark.parametrize("size_class", SIZE_CLASSES)
def test_each_class_has_sixty_prompts_of_every_language_and_domain(corpus: Corpus, size_class: str) -> None:
    """At least five prompts stand in each cell of language by domain."""
    entries = corpus.of(size_class)
    cells = Counter((entry.language, entry.domain) for entry in entries)
    assert len(entries) >= 60
    assert {(language, domain) for language in LANGUAGES for domain in DOMAINS} == set(cells)
    assert min(cells.values()) >= 5


def test_the_ranges_are_those_of_the_baseline() -> None:
    """Short 10 to 50, medium 50 to 150, long 150 to 500 tokens."""
    assert {n: (s.min_tokens, s.max_tokens) for n, s in SIZE_CLASSES.items()} == {
        "short": (10, 50),
        "medium": (50, 150),
        "long": (150, 500),
    }


@pytest.mark.parametrize("size_class", SIZE_CLASSES)
def test_every_prompt_stays_in_its_class_bare_and_varied(corpus: Corpus, size_class: str) -> None:
    """Estimated afresh on the text itself: all prompts, bare and in 25 variations each."""
    size = SIZE_CLASSES[size_class]
    variation = Variation("ranges")
    for i, entry in enumerate(corpus.of(size_class)):
        texts = [entry.template.fill(0).text]
        texts += [variation.vary(entry.template, 25 * i + n).text for n in range(25)]
        for text in texts:
            assert size.min_tokens <= estimate_tokens(text) <= size.max_tokens, text


def test_the_mean_over_the_mix_is_about_85_tokens(corpus: Corpus) -> None:
    """30 % short, 50 % medium and 20 % long calls, as they are sent."""
    variation = Variation("mean")
    means = {
        size_class: mean(
            estimate_tokens(variation.vary(entry.template, 10 * i + n).text)
            for i, entry in enumerate(corpus.of(size_class))
            for n in range(10)
        )
        for size_class in SIZE_CLASSES
    }
    assert sum(share * means[size_class] for size_class, share in SHARES.items()) == pytest.approx(85, abs=10)


def test_prompts_about_code_hold_code(corpus: Corpus) -> None:
    """Every medium or long prompt of a programming language has a block or a piece of code in it."""
    for size_class in ("medium", "long"):
        for entry in corpus.of(size_class):
            if entry.language != "english":
                assert "\n\n" in entry.template.text or "`" in entry.template.text, entry.template.text


def test_no_prompt_is_a_near_copy_of_another(corpus: Corpus) -> None:
    """Of the runs of five words in a prompt, at most a tenth occur in any one other."""
    runs = []
    for size_class in SIZE_CLASSES:
        for entry in corpus.of(size_class):
            words = entry.template.text.lower().split()
            runs.append({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    for one, other in combinations(runs, 2):
        assert len(one & other) <= min(len(one), len(other)) / 10, one & other


def test_an_unknown_class_names_those_there_are(corpus: Corpus) -> None:
    """A misspelt class is the user's mistake, found before any load."""
    with pytest.raises(ConfigurationError, match="no size class 'tiny'; use short, medium, long"):
        corpus.of("tiny")


def write(folder: Path, **files: str) -> Path:
    """A folder of prompts that is right but for the given files."""
    sentence = " and then tell me more about it"
    good = {
        "slots": "city: [Oslo, Porto]\n",
        "short": f"english: {{technical: ['How do I get to «city»{sentence}?']}}\n",
        "medium": f"english: {{technical: ['How do I get to «city»{sentence * 8}?']}}\n",
        "long": f"english: {{technical: ['How do I get to «city»{sentence * 22}?']}}\n",
    }
    for name, text in {**good, **files}.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def test_a_folder_of_ones_own_prompts_is_read(tmp_path: Path) -> None:
    """Same files, same rules."""
    entries = load_corpus(write(tmp_path)).of("short")
    assert [entry.template.fill(1).text for entry in entries] == [
        "How do I get to Porto and then tell me more about it?"
    ]


def test_code_follows_its_question_after_a_blank_line(tmp_path: Path) -> None:
    """`ask` may be folded while `code` keeps its lines and their indentation."""
    own = """
python:
  analytical:
    - ask: >-
        What does this print for «city», if it prints
        anything at all?
      code: |-
        if a:
            print("«city»")
"""
    entry = load_corpus(write(tmp_path, short=own)).of("short")[0]
    assert entry.template.fill(0).text == (
        'What does this print for Oslo, if it prints anything at all?\n\nif a:\n    print("Oslo")'
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "short",
            "english: {technical: ['To «city»?']}",
            r"short.yaml english.technical\[0\]: \d+ to \d+ tokens",
        ),
        ("short", f"english: {{technical: ['«city»{' again' * 40}']}}", r"\d+ to 5\d tokens, need 10 to 50"),
        ("short", "klingon: {technical: []}", "short.yaml klingon: need one of english, python, javascript"),
        ("short", "english: {poetic: []}", "short.yaml english.poetic: need one of technical"),
        (
            "short",
            "english: {technical: [{is it: so}]}",
            r"english.technical\[0\]: need a text, or a mapping",
        ),
        ("short", "english: {technical: []}", "short.yaml: no prompts in it"),
        ("short", "english: [", "short.yaml: not valid YAML"),
        ("short", "just words", "short.yaml: got str, need a mapping"),
        ("slots", "city: [1, 2]", "slots.yaml city: need a list of texts; quote numbers"),
        ("slots", "city: ['4 Oslo', Porto]", "slots.yaml city: values must all start with"),
    ],
)
def test_a_bad_file_says_where_and_what(tmp_path: Path, name: str, text: str, message: str) -> None:
    """File, language, domain and place in the list."""
    with pytest.raises(ConfigurationError, match=message):
        load_corpus(write(tmp_path, **{name: text}))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Nobody likes to mend a file one error at a time."""
    folder = write(tmp_path, short="klingon: {}", medium="english: {poetic: []}")
    (folder / "long.yaml").unlink()
    with pytest.raises(
        ConfigurationError, match=r"(?s)short.yaml klingon.*medium.yaml english.poetic.*long.yaml: can't"
    ):
        load_corpus(folder)
