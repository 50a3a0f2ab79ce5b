"""The field types that YAML files share: durations, shares, names and whole numbers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from tokenswarm.errors import ProfileError
from tokenswarm.metrics.units import format_duration, parse_duration

OURS: Final = "tokenswarm"  # the type of errors whose message is already as we want it


def problem(message: str) -> PydanticCustomError:
    """An error whose text stands in the report as it is."""
    return PydanticCustomError(OURS, "{message}", {"message": message})


def shown(value: Any) -> str:
    """A value as it stands in YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, dict) else str(value)


def _duration(value: Any) -> float:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise problem(str(error)) from None
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise problem(f"got {shown(value)}, need a duration with its unit (ms, s, m, h), such as 30s or 500ms")


def _more_than_none(seconds: float) -> float:
    if seconds <= 0:
        raise problem(f"got {format_duration(seconds)}, need more than 0s")
    return seconds


def _share(value: Any) -> float:
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    if isinstance(value, str) and value.endswith("%"):
        try:
            percent = float(value[:-1])
        except ValueError:
            percent = -1.0
        if 0 <= percent <= 100:
            return percent / 100
    elif isinstance(value, int | float) and 0 <= value <= 1:
        return float(value)
    raise problem(f"got {shown(value)}, need a share from 0% to 100%, or true or false")


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^\s*(0|(\d+(\.\d+)?(ms|s|m|h)\s*)+)$"}, {"const": 0}]}
    ),
]
"""Seconds; written with a unit, so that nobody takes seconds for milliseconds."""

PositiveDuration = Annotated[Duration, AfterValidator(_more_than_none)]

Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d+(\.\d+)?%$"},
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "boolean"},
            ]
        }
    ),
]
"""From 0 to 1; written as `50%`, as a number up to 1, or as true or false."""

WholeNumber = Annotated[int, Field(strict=True, ge=0)]
Number = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
# A stage's or scenario's name is a label's value, a file's name and a part of a URL.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


class Block(BaseModel):
    """Base of everything that is read from YAML: unknown keys are errors, values don't change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(Block):
    """A whole file. `file` and `sha256` say which; both are empty for what was never one."""

    _file: str = PrivateAttr("")
    _sha256: str = PrivateAttr("")

    @property
    def file(self) -> str:
        """The file's name as messages show it."""
        return self._file

    @property
    def sha256(self) -> str:
        """Of the file's bytes, in hexadecimal."""
        return self._sha256

    def from_file(self, file: str, sha256: str = "") -> Self:
        """A copy that knows where it was read from."""
        copy = self.model_copy()
        copy._file, copy._sha256 = file, sha256
        return copy

    def resolved(self) -> dict[str, Any]:
        """Plain JSON types in the file's own language, defaults and environment filled in."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_resolved(cls, data: Any, file: str = "") -> Self:
        """What `resolved` wrote; ProfileError if it is damaged."""
        try:
            return cls.model_validate(data).from_file(file)
        except ValidationError as error:
            where = file or cls.__name__
            raise ProfileError(
                [f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            ) from None
