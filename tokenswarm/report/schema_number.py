"""JSON files of ours carry a schema number; what lacks it, has a later one or is damaged is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson

from tokenswarm.errors import RunFolderError

T = TypeVar("T")


def read_json(file: Path) -> Any:
    """What a JSON file holds; RunFolderError if it can't be read, or is none."""
    try:
        return orjson.loads(file.read_bytes())
    except OSError as error:
        raise RunFolderError(f"{file}: can't be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise RunFolderError(f"{file}: not JSON: {error}") from None


def read_as(what: str, data: Any, newest: int, source: object, read: Callable[[Mapping[str, Any]], T]) -> T:
    """What `read` makes of it; RunFolderError, with the key, if it is not what it should be.

    `newest` is the latest schema that is understood; `source` is where the data came from.
    """
    schema = data.get("schema") if isinstance(data, Mapping) else None
    if not isinstance(schema, int):
        raise RunFolderError(f"{source}: not {what}: there is no schema number in it")
    if schema > newest:
        raise RunFolderError(
            f"{source}: schema {schema} was written by a newer tokenswarm; this one reads up to {newest}"
        )
    try:
        return read(data)
    except KeyError as error:
        raise RunFolderError(f"{source}: the key {error.args[0]} is missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(f"{source}: damaged: {error}") from None
