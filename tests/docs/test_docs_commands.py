"""Commands and options that the pages name can be typed: verbs, options, profiles, targets of make."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

import click
import pytest

from tokenswarm.cli import commands
from tokenswarm.errors import ProfileError
from tokenswarm.profile.places import Kind, SearchPath

from .pages import PROJECT, Page, pages

# What the changelog says was so when it was written.
PAGES: Final = [page for page in pages() if page.name != "CHANGELOG.md"]
# There `make` means the Makefile that `tokenswarm init` writes.
OF_A_SUITE: Final = ("docs/your-own-suite.md", "tokenswarm/starter/own/README.md")
OF_OTHERS: Final = {
    "docker": "--build --detach --force-recreate --profile --scale --ulimit",
    "litellm": "--num_workers",
    "locust": "--csv --csv-full-history --headless --master-bind-host",
    "pytest": "--refresh-golden",
}
# NAME, a URL or a file of one's own.
_STANDS_FOR_ANOTHER: Final = re.compile(r"[A-Z]+|…|https?://.*|.*\.ya?ml")
_ASSIGNMENT: Final = re.compile(r"[A-Z_]+=")
_MAKE_TARGETS: Final = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_MAKE_VARIABLES: Final = re.compile(r"\$\(([A-Z]+)\)|^([A-Z]+) *[?:]?=", re.MULTILINE)


def words_of(command: str) -> list[str]:
    """As a shell would read them; without variables in front, and up to the next command."""
    words = shlex.split(command)
    while _ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words[: words.index("&&")] if "&&" in words else words


def problems_of(command: str) -> Iterator[str]:
    """Of one of ours: what our parser doesn't take, and what isn't there."""
    words = words_of(command)[1:]
    verb: click.Command = commands
    while isinstance(verb, click.Group) and words:
        if words[0] not in verb.commands:
            yield f"there is no {words[0]}"
            return
        verb = verb.commands[words.pop(0)]
    if not words:
        return  # only the verb is spoken of
    try:
        context = verb.make_context(verb.name, [*words], default_map={"password": "given"})
    except click.UsageError as error:
        stands_for_a_figure = isinstance(error, click.BadParameter) and any(
            map(_STANDS_FOR_ANOTHER.fullmatch, words)
        )
        if isinstance(error, click.MissingParameter) or not stands_for_a_figure:
            yield error.format_message()
        return
    yield from unknown_names(verb, context.params)


def unknown_names(verb: click.Command, given: dict[str, object]) -> Iterator[str]:
    """Profiles, suites and SLOs that don't come with us; targets may be the reader's own."""
    kinds: dict[str, Kind] = {"profile": "profile", "suite": "suite", "slo": "SLO"}
    for name, kind in kinds.items():
        ref = given.get(name)
        if isinstance(ref, str) and not _STANDS_FOR_ANOTHER.fullmatch(ref):
            try:
                SearchPath.of(PROJECT).find(kind, ref)
            except ProfileError as error:
                yield f"{verb.name}: {error}"


def problems_of_make(command: str, makefile: str) -> Iterator[str]:
    """Targets and variables that the Makefile hasn't."""
    words = words_of(command)[1:]
    targets = set(_MAKE_TARGETS.findall(makefile))
    variables = {name for both in _MAKE_VARIABLES.findall(makefile) for name in both}
    for word in words:
        name, is_variable, _ = word.partition("=")
        if name not in (variables if is_variable else targets):
            yield f"make has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_can_be_typed(page: Page) -> None:
    """The parser takes them, and the names in them are there."""
    makefile = PROJECT / ("tokenswarm/starter/own/Makefile" if page.name in OF_A_SUITE else "Makefile")
    wrong = {}
    for command in page.commands:
        if words_of(command)[0] == "make":
            found = [*problems_of_make(command, makefile.read_text())]
        else:
            found = [*problems_of(command)]
        if found:
            wrong[command] = found
    assert wrong == {}


def options_of(command: click.Command) -> Iterator[str]:
    """Of a verb and all below it."""
    for parameter in command.params:
        yield from parameter.opts
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from options_of(below)


def test_options_are_somebodys() -> None:
    """Each that a page names is ours, or of a program that it speaks of."""
    known = {*options_of(commands), *" ".join(OF_OTHERS.values()).split()}
    unknown = {f"{page.name}: {option}" for page in PAGES for option in page.options - known}
    assert sorted(unknown) == []


def test_a_wrong_command_is_found() -> None:
    """Verbs, options, arguments, names and targets that there are not."""
    untyped = ("tokenswarm rum stress", "tokenswarm run stress --colour", "tokenswarm compare before")
    unnamed = ("tokenswarm run strees", "tokenswarm suite none", "tokenswarm run stress --slo none")
    assert [command for command in (*untyped, *unnamed) if not [*problems_of(command)]] == []
    assert [*problems_of_make("make sress PROFLE=a", "stress: \n\t$(PROFILE)")] == [
        "make has no sress",
        "make has no PROFLE",
    ]
