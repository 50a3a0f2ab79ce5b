"""The catalogue and its page in the docs."""

from __future__ import annotations

from pathlib import Path

from tokenswarm.metrics.call import FAILURES
from tokenswarm.metrics.catalogue import AGGREGATIONS, DEFAULT_AGGREGATION, METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_docs_define_every_metric_as_the_catalogue_does() -> None:
    """A user who looks a figure up finds the definition that the program uses."""
    missing = [
        name
        for name, metric in METRICS.items()
        if f"| `{name}` |" not in PAGE or metric.definition not in PAGE
    ]
    assert missing == []


def test_the_docs_define_every_class_of_failure() -> None:
    """An error table with an unexplained class helps nobody."""
    assert [name for name in FAILURES if f"`{name}`" not in PAGE] == []


def test_a_bare_limit_means_an_aggregation_that_is_allowed() -> None:
    """The default of each kind is one of its own aggregations."""
    assert all(default in AGGREGATIONS[kind] for kind, default in DEFAULT_AGGREGATION.items())
