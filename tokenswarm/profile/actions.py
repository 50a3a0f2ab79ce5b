"""Things that a profile does to the target while the load runs: a POST to an admin URL, or a command.

at = stage [ "+" duration ] | duration       since the stage's, or the run's, start
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urljoin

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.suggestion import not_one_of
from tokenswarm.metrics.units import format_duration, parse_duration
from tokenswarm.profile.address import env_name, posted_to
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.references import fill
from tokenswarm.profile.stage import Stage
from tokenswarm.profile.target import Target
from tokenswarm.profile.values import Block, Name, PositiveDuration, problem
from tokenswarm.profile.yaml_tree import Path

# Its references to the environment are looked up when it is run: what they hold reaches no file.
COMMAND: Final = "command"


def _read_at(at: str) -> tuple[str | None, float]:
    """The stage, None for the whole run, and the seconds since its start; ValueError if it is neither."""
    stage, plus, offset = at.partition("+")
    if not plus and at[:1].isdigit():
        stage, offset = "", at
    if plus and not stage.strip():
        raise ValueError(f"got {at}, need a stage before the +, such as hold+20s")
    return stage.strip() or None, parse_duration(offset) if plus or not stage else 0.0


def _at(value: Any) -> str:
    text = str(value)
    try:
        _read_at(text)
    except ValueError as error:
        raise problem(f"{error}; a stage (hold), a time of one (hold+20s), or of the run (45s)") from None
    return text


def _words(value: Any) -> Any:
    try:
        return shlex.split(value) if isinstance(value, str) else value
    except ValueError as error:
        raise problem(f"got {value}: {str(error).lower()}; write it as a shell would read it") from None


class Action(Block):
    """One entry of `actions:`. Done once, from where the test is run."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    at: Annotated[str, BeforeValidator(_at)] = Field(
        description="hold+20s: that long into the stage; 45s: into the run"
    )
    post: Annotated[str, AfterValidator(posted_to)] | None = Field(
        default=None, description="a URL, or a path on the target itself"
    )
    to: Name | None = Field(
        default=None, description="whose admin URL a post's path is on: a name in the target's admin_urls"
    )
    body: dict[str, Any] = Field(default_factory=dict, description="of the POST, sent as JSON")
    key_env: Annotated[str, BeforeValidator(env_name)] | None = Field(
        default=None, description="NAME of the environment variable whose value is the POST's bearer key"
    )
    command: Annotated[list[str], BeforeValidator(_words), Field(min_length=1)] | None = Field(
        default=None, description="a program and its arguments; no shell"
    )
    timeout_s: PositiveDuration = Field(default=10.0, alias="timeout")

    @model_validator(mode="after")
    def _does_one_thing(self) -> Action:
        if (self.post is None) == (self.command is None):
            raise problem("need one of post and command")
        if self.post is None and (self.body or self.key_env or self.to):
            raise problem("to, body and key_env belong to post")
        if self.to is not None and not str(self.post).startswith("/"):
            raise problem(f"to: {self.to} has the URL already; post needs a path, such as /admin")
        return self

    def at_s(self, stages: StagePlan) -> float:
        """When it is due, in seconds since the run's start."""
        name, offset_s = _read_at(self.at)
        start_s = next((span.start_s for span in stages.spans() if span.name == name), 0.0)
        return start_s + offset_s

    def url_on(self, target: Target) -> str | None:
        """Where it is posted, None for a command; ConfigurationError if the target doesn't name the place."""
        if self.post is None:
            return None
        if self.to is None:
            return urljoin(target.url, self.post)
        if self.to in target.admin_urls:
            return target.admin_urls[self.to].rstrip("/") + self.post
        known = ", ".join(target.admin_urls) or "nothing"
        raise ConfigurationError(
            f"target {target.name}: the action {self.name} is posted to {self.to}, and its admin_urls name"
            f" {known}; write `admin_urls: {{{self.to}: http://HOST:PORT}}` into a target file"
        )

    @property
    def did(self) -> str:
        """What it does, for people."""
        if self.command is not None:
            return " ".join(self.command)
        return f"POST {self.post}" + (f" to {self.to}" if self.to else "")

    def scaled(self, time_scale: float) -> Action:
        """The same action in a shrunk run."""
        name, offset_s = _read_at(self.at)
        offset = format_duration(round(offset_s * time_scale, 6))
        if name is not None:
            offset = f"{name}+{offset}" if offset_s else name
        return self.model_copy(update={"at": offset})


def timely_actions(actions: Sequence[Action], stages: Sequence[Stage]) -> None:
    """Refuses actions that would never come: raises a problem."""
    plan = StagePlan(stages)
    for action in actions:
        at_s = action.at_s(plan)
        if at_s >= plan.total_s:
            raise problem(
                f"actions: {action.name} is due {format_duration(at_s)} after the start,"
                f" and the run lasts {format_duration(plan.total_s)}"
            )


def check_actions(data: Any) -> Iterator[tuple[Path, str]]:
    """Actions of stages that there are none of, and names that stand twice; raw YAML data."""
    rows = data.get("actions")
    stages = data.get("stages")
    known = [
        row["name"] for row in stages or () if isinstance(row, dict) and isinstance(row.get("name"), str)
    ]
    first: dict[str, int] = {}
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        if not isinstance(row, dict):
            continue
        try:
            stage, _ = _read_at(str(row.get("at", "0")))
        except ValueError:
            continue  # the schema says so
        if stage is not None and stage not in known:
            yield ("actions", i, "at"), not_one_of(stage, known)
        name = row.get("name")
        if isinstance(name, str) and first.setdefault(name, i) != i:
            yield (
                ("actions", i, "name"),
                f"got {name}, which actions[{first[name]}] has too; names must differ",
            )


def check_commands(data: Any, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Commands that name what the environment lacks; raw YAML data."""
    rows = data.get("actions")
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        command = row.get(COMMAND) if isinstance(row, dict) else None
        try:
            fill(command if isinstance(command, str) else " ".join(map(str, command or ())), environ)
        except ValueError as error:
            yield ("actions", i, COMMAND), str(error)
