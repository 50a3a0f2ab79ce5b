"""The `websocket:` section of a target: keep-alive, and for a chat of its own what its messages mean."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from tokenswarm.profile.values import Block, PositiveDuration, problem
from tokenswarm.wire.custom_ws import Match, Messages
from tokenswarm.wire.json_path import steps_of


def _json_path(path: str) -> str:
    try:
        steps_of(path)
    except ValueError as error:
        raise problem(str(error)) from None
    return path


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise problem(f"got {text}, which is no regular expression: {error}") from None
    return text


JsonPath = Annotated[str, AfterValidator(_json_path)]


class MatchRule(Block):
    """Which messages are meant: by one value in their JSON, or by their whole text."""

    path: JsonPath | None = Field(default=None, description="where to look; the whole message without it")
    equals: str | int | float | bool | None = None
    contains: str | None = None
    regex: Annotated[str, AfterValidator(_pattern)] | None = None
    text: JsonPath | None = Field(default=None, description="where the words stand that the message brings")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> MatchRule:
        asked = [name for name in ("equals", "contains", "regex") if getattr(self, name) is not None]
        if len(asked) > 1:
            raise problem(f"got {' and '.join(asked)}; take one of them")
        if not asked and self.path is None:
            raise problem("says nothing; give a path, and equals, contains or regex if it may have any value")
        return self

    def match(self) -> Match:
        """The rule, ready to be held against messages."""
        return Match(
            path=None if self.path is None else steps_of(self.path),
            equals=self.equals,
            contains=self.contains,
            pattern=None if self.regex is None else re.compile(self.regex, re.DOTALL),
            text=None if self.text is None else steps_of(self.text),
        )


class UsagePaths(Block):
    """Where the message that ends an answer says how many tokens were counted."""

    input_tokens: JsonPath | None = None
    output_tokens: JsonPath | None = None


class SocketSection(Block):
    """What a target says of its WebSocket."""

    ping_s: PositiveDuration | None = Field(
        default=None,
        alias="ping",
        description="send a ping so often; a target that is silent until the next one is given up",
    )
    send: dict[str, Any] | list[Any] | str | None = Field(
        default=None, description="JSON or text; {prompt}, {model} and {max_tokens} are filled in"
    )
    delta: MatchRule | None = None
    done: MatchRule | None = None
    error: MatchRule | None = None
    ready: MatchRule | None = Field(default=None, description="what the target says before the first call")
    usage: UsagePaths = UsagePaths()

    @model_validator(mode="after")
    def _is_whole(self) -> SocketSection:
        if self.has_messages and None in (self.send, self.delta, self.done):
            raise problem("send, delta and done belong together: give all three")
        if self.send is not None and "{prompt}" not in str(self.send):
            raise problem("send has no {prompt} in it: every call would be the same")
        return self

    @property
    def has_messages(self) -> bool:
        """Whether it describes messages at all."""
        rules = (self.send, self.delta, self.done, self.error, self.ready)
        return any(rule is not None for rule in rules) or self.usage != UsagePaths()

    def messages(self) -> Messages | None:
        """The description for the dialect; None if there is none."""
        if self.send is None or self.delta is None or self.done is None:
            return None
        usage = self.usage
        return Messages(
            send=self.send,
            delta=self.delta.match(),
            done=self.done.match(),
            error=None if self.error is None else self.error.match(),
            ready=None if self.ready is None else self.ready.match(),
            input_tokens=None if usage.input_tokens is None else steps_of(usage.input_tokens),
            output_tokens=None if usage.output_tokens is None else steps_of(usage.output_tokens),
        )
