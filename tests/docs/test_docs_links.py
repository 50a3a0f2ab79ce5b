"""Links between the pages lead somewhere, and every page is found from the first one."""

from __future__ import annotations

import re
from typing import Final

import pytest

from .pages import PROJECT, Page, pages

PAGES: Final = pages()
_FILE_OF_OURS: Final = re.compile(
    r"(?<![\w/.-])(?:benchmarks|deploy|docs|tests|tokenswarm|\.github)/[\w.-]+(?:/[\w.-]+)*"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    """To a file that is there, and to a heading that it has."""
    dead = []
    for link in page.links:
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        file = (page.file.parent / place).resolve() if place else page.file
        if not file.exists() or (anchor and anchor not in Page(file).anchors):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name
)
def test_files_are_where_they_are_said_to_be(page: Page) -> None:
    """Those of folders that are the same for everybody."""
    named = {place.rstrip(".") for place in _FILE_OF_OURS.findall(page.text)}
    assert [place for place in sorted(named) if not (PROJECT / place).exists()] == []


def test_every_page_is_found_from_the_readme() -> None:
    """By links from page to page."""
    found, new = set(), {PROJECT / "README.md"}
    while new:
        found |= new
        links = {
            (file.parent / link.partition("#")[0]).resolve() for file in new for link in Page(file).links
        }
        new = {file for file in links if file.suffix == ".md" and file.is_file()} - found
    pages_of_docs = {page.file for page in PAGES if page.file.is_relative_to(PROJECT / "docs")}
    assert sorted(str(file.relative_to(PROJECT)) for file in pages_of_docs - found) == []
