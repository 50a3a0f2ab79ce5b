"""Lists on the pages have everything that there is of a kind."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from tokenswarm.cli import commands
from tokenswarm.mock.command import mock
from tokenswarm.profile.places import Kind, SearchPath
from tokenswarm.report.summary import Summary

from .pages import PROJECT


def rows_of(name: str) -> list[str]:
    """The first columns of a page's tables."""
    lines = (PROJECT / "docs" / name).read_text(encoding="utf-8").splitlines()
    return [line.split("|")[1] for line in lines if line.startswith("|")]


def missing(names: list[str], rows: list[str]) -> list[str]:
    return [name for name in names if not any(f"`{name}`" in row for row in rows)]


@pytest.mark.parametrize("kind", ["profile", "SLO"])
def test_all_that_comes_with_tokenswarm_is_listed(kind: Kind) -> None:
    """In a table of docs/profiles.md whose first column is called so."""
    rows = [row.strip() for row in rows_of("profiles.md")]
    first, behind = rows.index(kind), rows.index("SLO" if kind == "profile" else "key")
    assert missing(SearchPath.of(PROJECT).names(kind), rows[first:behind]) == []


def test_every_key_of_a_summary_is_listed() -> None:
    """In docs/reports.md."""
    assert missing([field.name for field in fields(Summary)], rows_of("reports.md")) == []


def test_every_option_of_the_mock_provider_is_listed() -> None:
    """In docs/mock.md, by its name."""
    options = {option for parameter in mock.commands["provider"].params for option in parameter.opts}
    rows = " ".join(rows_of("mock.md"))
    assert [option for option in sorted(options) if f"`{option}" not in rows] == []


def test_every_verb_is_in_the_readme() -> None:
    """Somewhere in its tables, as a command of ours or by way of make; schemas are for editors."""
    lines = (PROJECT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = " ".join(line for line in lines if line.startswith("|"))
    verbs = set(commands.commands) - {"schema", "web-password"}
    assert [verb for verb in sorted(verbs) if not re.search(f"(tokenswarm|make) {verb}", rows)] == []
