"""A target's `signals:`: rules of its own about what its answers say, asked before those of a preset."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tokenswarm.metrics.suggestion import not_one_of
from tokenswarm.profile.values import Block, Flag, problem, shown
from tokenswarm.wire.gateway_signals import GATEWAYS
from tokenswarm.wire.signal_rule import BODY_WORDS, GIVES, UNITS, Rule


def _gateway(value: Any) -> str:
    # YAML reads a bare `none` as text, but people mean the same by null.
    if value is None:
        return "none"
    if value not in GATEWAYS:
        raise problem(not_one_of(shown(value), GATEWAYS))
    return str(value)


Gateway = Annotated[str, BeforeValidator(_gateway)]


def _gives(value: str) -> str:
    return _known(value, tuple(GIVES))


def _body(value: str) -> str:
    return _known(value, ("", *BODY_WORDS))


def _unit(value: str) -> str:
    return _known(value, tuple(UNITS))


def _known(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise problem(not_one_of(value, [word for word in allowed if word]))
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise problem(f"got {value}, which is no regular expression: {error}") from None
    return value


def _literal(value: Any) -> Any:
    """`value: hit`, `value: true` and `value: 0` are the same kind of thing to a rule."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


_Text = Annotated[str, Field(max_length=200)]


class Signal(Block):
    """One rule. Exactly one of `header`, `path` and `body` says what it reads."""

    gives: Annotated[str, AfterValidator(_gives)]
    header: _Text = Field(default="", description="name of a response header")
    path: _Text = Field(default="", description="a place in the body, or in any event of a stream")
    body: Annotated[str, AfterValidator(_body)] = Field(default="", description="a fact about the body")
    matches: Annotated[_Text, AfterValidator(_regex)] = Field(
        default="", description="a regular expression that is searched for; its first group is the value"
    )
    equals: Annotated[bool | int | float | str | None, Field(union_mode="left_to_right")] = None
    absent: Flag = False
    value: Annotated[_Text, BeforeValidator(_literal)] = Field(
        default="", description="what the rule gives, if not the text itself"
    )
    unit: Annotated[str, AfterValidator(_unit)] = Field(default="ms", description="of times")

    @model_validator(mode="after")
    def _makes_sense(self) -> Signal:
        try:
            self.rule()
        except ValueError as error:
            raise problem(str(error)) from None
        return self

    def rule(self) -> Rule:
        """The same, as answers are read by."""
        return Rule(**{name: getattr(self, name) for name in Signal.model_fields})
