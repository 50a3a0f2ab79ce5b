"""What counts as a right answer: statuses, JSON paths, response time, and a name for each check."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tokenswarm.profile.expectations import Expect, Expectations, check_expectations
from tokenswarm.wire.json_path import exists, steps_of


def expectations(**section: Any) -> Expectations:
    """Of an `expect:` section."""
    return Expectations(Expect.model_validate(section))


DOCUMENT = {"metadata": None, "usage": {"total_tokens": 0}, "choices": [{"message": {"content": ""}}], "0": 1}


@pytest.mark.parametrize(
    ("path", "is_there"),
    [
        ("metadata", True),
        ("usage.total_tokens", True),
        ("choices[0].message.content", True),
        ("choices[0]", True),
        ("0", True),
        ("choices[1]", False),
        ("choices.0", False),
        ("usage[0]", False),
        ("usage.total_tokens.x", False),
        ("metadata.x", False),
        ("Metadata", False),
        ("choices[0].message.content.x", False),
    ],
)
def test_path_exists_if_the_answer_has_a_value_there(path: str, is_there: bool) -> None:
    """Null, nothing and empty are values; a key is no index, and an index no key."""
    assert exists(DOCUMENT, steps_of(path)) is is_there


@pytest.mark.parametrize("document", [None, 5, "metadata", [], {}])
def test_path_in_no_object_does_not_exist(document: object) -> None:
    """Nor does it raise."""
    assert not exists(document, steps_of("metadata"))


def test_list_may_be_at_the_root() -> None:
    """Of an answer that is one."""
    assert exists([[5]], steps_of("[0][0]"))


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[-1]", "a[0]b", "a]", "[]"])
def test_path_that_is_none_is_refused(path: str) -> None:
    """With an example of what is one."""
    with pytest.raises(ValueError, match=r"need keys and \[indices\], such as metadata or choices\[0\]"):
        steps_of(path)
    with pytest.raises(ValidationError):
        Expect.model_validate({"json": [path]})


@pytest.mark.parametrize(
    "section",
    [
        {"status": []},
        {"status": [99]},
        {"status": [600]},
        {"status": ["200"]},
        {"status": 200},
        {"latency": 500},
    ],
)
def test_value_that_makes_no_sense_is_refused(section: dict[str, Any]) -> None:
    """Statuses are a list of HTTP's, a latency has its unit."""
    with pytest.raises(ValidationError):
        Expect.model_validate(section)


def test_each_check_has_a_name() -> None:
    """As the report shows it; without a section there is none."""
    every = expectations(status=[429, 200, 200], json=["metadata", "usage.total_tokens"], latency="500ms")
    assert every.checks == (
        "status is 200 or 429",
        "has metadata",
        "has usage.total_tokens",
        "latency < 500ms",
    )
    assert expectations().checks == ()
    assert (every.needs_document, expectations().needs_document) == (True, False)


def test_status_counts_as_success_if_it_is_expected() -> None:
    """Any 2xx unless the profile says which."""
    assert [expectations().is_right_status(status) for status in (0, 199, 200, 204, 299, 300, 429)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    own = expectations(status=[200, 429])
    assert [own.is_right_status(status) for status in (200, 204, 429)] == [True, False, True]


@pytest.mark.parametrize(
    ("status", "latency_s", "document", "stream", "results"),
    [
        (200, 0.4, {"metadata": 1}, False, [True, True, True]),
        (200, 0.5, {"metadata": 1}, False, [True, True, False]),
        (200, 0.4, {}, False, [True, False, True]),
        (200, 0.4, None, False, [True, False, True]),
        (429, 0.1, {"error": {}}, False, [True, None, True]),
        (200, 0.1, None, True, [True, None, True]),
        (500, 0.1, {"metadata": 1}, False, [False, None, True]),
        (0, None, None, False, [False, None, None]),
    ],
)
def test_check_is_met_or_not_or_is_not_about_the_call(
    status: int, latency_s: float | None, document: object, stream: bool, results: list[bool | None]
) -> None:
    """Paths are asked of whole 2xx answers, time of calls that had one."""
    every = expectations(status=[200, 429], json=["metadata"], latency="500ms")
    assert every.results(status, latency_s, document, stream=stream) == results


@pytest.mark.parametrize(
    ("streaming", "problems"), [("100%", 1), (True, 1), ("99%", 0), (False, 0), (None, 0)]
)
def test_paths_need_answers_that_are_no_streams(streaming: object, problems: int) -> None:
    """Otherwise no call would be checked, and nobody would notice."""
    data = {"expect": {"json": ["metadata"]}, "streaming": streaming}
    assert len(list(check_expectations(data))) == problems
