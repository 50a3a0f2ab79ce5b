"""Requests that are built once for each kind of call, but for the prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.contract import ChatOptions, Request

_MAX_TEMPLATES: Final = (
    64  # a scenario has a handful of options; one that makes new ones each call must not leak
)


@dataclass(frozen=True, slots=True)
class Template:
    """A request but for its prompt, a JSON string that stands between `before` and `after`."""

    options: ChatOptions
    before: bytes
    after: bytes
    headers: tuple[tuple[str, str], ...]


class Templates:
    """The templates of one dialect; `make` builds one, or raises ConfigurationError."""

    __slots__ = ("_kept", "_make", "_path")

    def __init__(self, path: str, make: Callable[[ChatOptions], Template]) -> None:
        self._path = path
        self._make = make
        self._kept: dict[int, Template] = {}

    def request(self, prompt: str, options: ChatOptions, path: str | None) -> Request:
        """The request for one prompt; `path` replaces the dialect's own."""
        # By identity: options hold a mapping, which can't be hashed. The template keeps its options alive,
        # so no others can come to have their id.
        template = self._kept.get(id(options))
        if template is None:
            if len(self._kept) >= _MAX_TEMPLATES:
                self._kept.clear()
            template = self._kept[id(options)] = self._make(options)
        body = template.before + orjson.dumps(prompt) + template.after
        return Request(self._path if path is None else path, body, template.headers)


def make_template(
    options: ChatOptions,
    fields: Mapping[str, object],
    before: bytes,
    after: bytes = b"}",
    headers: tuple[tuple[str, str], ...] = (),
) -> Template:
    """The template of a JSON object: `fields`, with the options' extra ones over them, then the prompt.

    `before` is what stands between fields and prompt and begins with the prompt's key, which `extra`
    can't replace.
    """
    key = before.split(b'"', 2)[1].decode()
    if key in options.extra:
        raise ConfigurationError(
            f"extra.{key}: it is made from the prompt and can't be replaced; "
            "give a system message as `system`"
        )
    try:
        # A null means "as the server likes", and so does an absent key, which more servers understand.
        given = {name: value for name, value in {**fields, **options.extra}.items() if value is not None}
        head = orjson.dumps(given)
    except TypeError as error:
        raise ConfigurationError(f"extra: can't be written as JSON: {error}") from error
    comma = b"" if head == b"{}" else b","
    return Template(
        options,
        before=head[:-1] + comma + before,
        after=after,
        headers=(
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if options.stream else "application/json"),
            *headers,
        ),
    )
