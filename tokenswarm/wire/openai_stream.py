"""A stream of OpenAI's chunks, of chat or of completions → events.

    data: {"id", "model", "choices": [{"index", …, "finish_reason"}]}          any number
    data: {… "choices": [], "usage": {…}}                                      if asked for, and not cut
    data: {"error": {…}}                                                       instead of the rest
    data: [DONE]

The stream has finished when every choice that was seen has given its reason. Finished carries the
first of them and comes with the stream's end, because a choice may still begin after another's last
word, and because a cut answer's [DONE] must not pass for a finish.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenswarm.wire.error_body import fault_of
from tokenswarm.wire.events import Done, Event, Malformed
from tokenswarm.wire.json_object import JsonObject
from tokenswarm.wire.openai_answer import finished, started, usage
from tokenswarm.wire.outline import outline

# (choices, the key of what a choice says, reasons by index, events to add to)
ChoicesReader = Callable[[list[Any], str, dict[int, str], list[Event]], None]


class OpenAIChunks:
    """Reads the chunks of one stream: `read_choices` appends what the choices say under `key`."""

    __slots__ = ("_foreign", "_is_started", "_key", "_read_choices", "_reasons", "is_ended", "noun")

    def __init__(self, noun: str, read_choices: ChoicesReader, key: str) -> None:
        self.noun = f"{noun} chunk"
        self.is_ended = False
        self._read_choices = read_choices
        self._key = key
        self._is_started = False
        self._reasons: dict[int, str] = {}  # why each choice stopped; empty until it has
        self._foreign = ""  # the outline of the first event that is no chunk

    def read(self, name: bytes, document: JsonObject) -> list[Event]:
        """Events of one chunk."""
        if document.get("error") or name == b"error":
            return [fault_of(document)]
        events = [] if self._is_started else started(document)
        is_started = self._is_started or bool(events)
        choices = document.get("choices")
        if choices:
            self._read_choices(choices, self._key, self._reasons, events)
        if "usage" in document:
            events += usage(document)
        elif choices is None:
            self._foreign = self._foreign or outline(document)
        self._is_started = is_started  # set last: a chunk of a wrong shape reports nothing
        return events

    def end(self, *, marked: bool) -> list[Event]:
        """Finished if every choice has a reason, and Done after [DONE]."""
        self.is_ended = True
        done: list[Event] = [Done()] if marked else []
        if not self._reasons and self._foreign:
            # A stray event of a gateway's own does no harm; a stream of nothing else is another dialect.
            bare = self.noun.removeprefix("a ")
            return [Malformed(f"no {bare} in the stream, but {self._foreign}"), *done]
        return [*finished(self._reasons), *done]
