"""What pydantic finds wrong, said in our words: where, what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tokenswarm.metrics.suggestion import did_you_mean
from tokenswarm.metrics.units import format_number
from tokenswarm.profile.values import OURS, shown
from tokenswarm.profile.yaml_tree import OF_NO_FILE, Path, Problem, Tree

_NEEDS: Final[Mapping[str, str]] = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
# For messages that name what pydantic gives as a number or a pattern.
_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than_equal": lambda given: f"need ≥ {format_number(given['ge'])}",
    "greater_than": lambda given: f"need > {format_number(given['gt'])}",
    "less_than_equal": lambda given: f"need ≤ {format_number(given['le'])}",
    "string_too_long": lambda given: f"need at most {given['max_length']} characters",
    "string_too_short": lambda _given: "need some text",
    "too_short": lambda given: f"need at least {given['min_length']}",
    "string_pattern_mismatch": lambda _given: "need letters, digits, dots, dashes and underscores only",
}


def problems_in(error: ValidationError, tree: Tree, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Every error with the place of the data that it is about; `schema` knows which keys are allowed."""
    for found in error.errors():
        path = _path(found, tree.data)
        yield Problem(tree.line_of(path), path, _message(found, path, schema))


def dotted(path: Path) -> str:
    """`stages[2].users`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def reports(file: str, tree: Tree, problems: Iterable[Problem]) -> list[str]:
    """One line each, in the order of the file; what follows from an unreadable value is left out."""
    lines: list[str] = []
    for problem in sorted({*tree.problems, *problems}, key=lambda p: (p.line, dotted(p.path), p.message)):
        if problem not in tree.problems and problem.path in tree.unreadable:
            continue
        # An option is one value, and has no lines.
        is_option = problem.line == OF_NO_FILE
        where = file if is_option else f"{file}:{problem.line}"
        source = tree.sources.get(problem.path)
        origin = f" (from the environment: {source})" if source and problem.message.startswith("got ") else ""
        is_whole = not problem.path or (is_option and problem.path == ("url",))
        key = "" if is_whole else f" {dotted(problem.path)}"
        lines.append(f"{where}{key}: {problem.message}{origin}")
    return lines


def _path(found: ErrorDetails, data: Any) -> Path:
    """The error's place in the data; names of union members, and keys pydantic wrapped, drop out."""
    path: list[str | int] = []
    for part in found["loc"]:
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            path.append(part)
            data = data[part]  # type: ignore[index]  # a dict's key or a list's index, as just seen
    if found["type"] == "missing":
        path.append(found["loc"][-1])
    return tuple(path)


def _message(found: ErrorDetails, path: Path, schema: Mapping[str, Any]) -> str:
    kind, given = found["type"], found.get("ctx", {})
    if kind == OURS:
        return str(given["message"])
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        allowed = _keys_at(path[:-1], schema)
        return f"unknown key, allowed: {', '.join(allowed)}{did_you_mean(str(path[-1]), allowed)}"
    got = f"got {shown(found['input'])}"
    if kind == "literal_error":
        expected = str(given["expected"]).replace("'", "").replace(" or ", ", ")
        return f"{got}, allowed: {expected}{did_you_mean(shown(found['input']), expected.split(', '))}"
    if kind in _NEEDS:
        quoted = " in quotes" if isinstance(found["input"], str) and found["input"].isdigit() else ""
        return f"{got}{quoted}, need {_NEEDS[kind]}"
    if kind in _LIMITS:
        return f"{got}, {_LIMITS[kind](given)}"
    return f"{got}: {found['msg']}"


def _keys_at(path: Path, schema: Mapping[str, Any]) -> list[str]:
    """The keys that the JSON Schema allows in the mapping at a path."""
    nodes = _alternatives(schema, schema)
    for part in path:
        children = [child for node in nodes if (child := _child(node, part)) is not None]
        nodes = [node for child in children for node in _alternatives(child, schema)]
    return [key for node in nodes for key in node.get("properties", {})]


def _child(node: Mapping[str, Any], part: str | int) -> Mapping[str, Any] | None:
    child = (
        node.get("items")
        if isinstance(part, int)
        else node.get("properties", {}).get(part, node.get("additionalProperties"))
    )
    return child if isinstance(child, dict) else None


def _alternatives(node: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        return _alternatives(schema["$defs"][name], schema)
    members = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    return [node, *(one for member in members for one in _alternatives(member, schema))]
