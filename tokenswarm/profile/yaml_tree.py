"""YAML text to plain data that remembers lines, with `${NAME:-default}` filled in. Never raises for content.

Scalars follow YAML 1.2: only `true` and `false` are booleans, so that a stage may be called `off`.
Values from the environment are put in after parsing: they can't change the structure, and a reference
in a comment is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from tokenswarm.profile.references import REFERENCE, look_up, names_in

Path: TypeAlias = tuple[str | int, ...]
OF_NO_FILE: Final = 0  # the line of what came from the command line

# Private-use characters, which YAML takes as text: the braces of a reference would open a mapping.
_TOKEN: Final = re.compile("\ue000(\\d+)\ue001")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_MOST_NODES: Final = 20_000  # aliases of aliases may stand for far more than a file holds

# What the parser says → what the author probably did.
_HINTS: Final[Mapping[str, str]] = {
    "block scalar": 'text that begins with > or | must stand in quotes, such as "> 50%"',
    "mapping values are not allowed": "text with a colon and a space must stand in quotes",
    "\\t": "indent with spaces, not tabs",
    "cannot start any token": "text that begins with %, @ or ` must stand in quotes",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place of a file; `path` () is the file as a whole."""

    line: int
    path: Path
    message: str


@dataclass(slots=True)
class Tree:
    """What a file says: plain data, where each part stands, and where values came from."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    sources: dict[Path, str] = field(default_factory=dict)  # the environment's names behind a scalar
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[Path] = field(default_factory=set)  # what else is wrong there only follows

    def line_of(self, path: Path) -> int:
        """The line of the part, or of the nearest one around it that exists."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_tree(text: str, environ: Mapping[str, str], verbatim: frozenset[str] = frozenset()) -> Tree:
    """The tree of one document. Under keys of a name in `verbatim` references stay as written."""
    references: list[str] = []

    def hide(match: re.Match[str]) -> str:
        references.append(match[0])
        return f"\ue000{len(references) - 1}\ue001"

    tree = Tree()
    try:
        node = _Loader(REFERENCE.sub(hide, text)).get_single_node()
    except yaml.YAMLError as error:
        tree.problems.append(_syntax_problem(error))
        return tree
    except RecursionError:
        tree.problems.append(Problem(1, (), "nested too deeply to be read"))
        return tree
    if node is None:
        tree.problems.append(Problem(1, (), "the file is empty"))
        return tree
    _Builder(tree, references, environ, verbatim).build(node)
    return tree


class _Loader(yaml.SafeLoader):
    """Composes nodes only; what a scalar means is decided here, after references are filled in."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute


class _Builder:
    """Walks the nodes once."""

    def __init__(
        self, tree: Tree, references: list[str], environ: Mapping[str, str], verbatim: frozenset[str]
    ) -> None:
        self._tree = tree
        self._references = references
        self._environ = environ
        self._verbatim = verbatim
        self._around: set[int] = set()  # ids of the nodes being walked: an alias may point at one
        self._walked = 0

    def build(self, root: yaml.Node) -> None:
        self._tree.lines[()] = root.start_mark.line + 1
        self._tree.data = self._value(root, ())

    def _value(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self._tree.lines.setdefault(path, line)
        self._walked += 1
        if id(node) in self._around:
            return self._problem(line, path, "an alias that holds itself")
        if self._walked > _MOST_NODES:
            if self._walked == _MOST_NODES + 1:
                self._problem(line, (), f"more than {_MOST_NODES} values, aliases counted each time")
            return None
        if not _is_untagged(node):
            return self._problem(line, path, f"text that begins with ! must stand in quotes, got {node.tag}")
        if isinstance(node, yaml.ScalarNode):
            text = self._filled(node, path, line)
            return text if node.style is not None or text is None else _plain(text)
        self._around.add(id(node))
        value = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._list(node, path)
        self._around.discard(id(node))
        return value

    def _list(self, node: yaml.Node, path: Path) -> list[Any]:
        return [self._value(item, (*path, i)) for i, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(line, path, "a key must be a word, not a list or mapping")
                continue
            key = self._filled(key_node, path, line)
            if key is None:
                continue
            own = (*path, key)
            if key in found:
                first = self._tree.lines[own]
                self._tree.problems.append(
                    Problem(line, own, f"stands twice, first on line {first}; keep one")
                )
                continue
            self._tree.lines[own] = line
            found[key] = self._value(value_node, own)
        return found

    def _filled(self, node: yaml.ScalarNode, path: Path, line: int) -> str | None:
        """The scalar's text with its references filled in; None, and a problem, if one can't be."""
        written = _TOKEN.sub(lambda match: self._references[int(match[1])], node.value)
        if written == node.value:
            return written
        self._tree.sources[path] = ", ".join(names_in(written))
        known = self._tree.problems[:]
        text = _TOKEN.sub(lambda match: self._lookup(self._references[int(match[1])], path, line), node.value)
        if len(self._tree.problems) > len(known):
            return None
        return text if self._verbatim.isdisjoint(path) else written

    def _lookup(self, reference: str, path: Path, line: int) -> str:
        try:
            return look_up(reference, self._environ)
        except ValueError as error:
            self._problem(line, path, str(error))
            return ""

    def _problem(self, line: int, path: Path, message: str) -> None:
        self._tree.unreadable.add(path)
        self._tree.problems.append(Problem(line, path, message))


def _is_untagged(node: yaml.Node) -> bool:
    return node.tag in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


def _plain(text: str) -> Any:
    """What an unquoted scalar means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    """One line of what PyYAML says in six."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(1, (), f"not YAML: {str(error).splitlines()[0]}")
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    said = _TOKEN.sub("${…}", said)
    hint = next((hint for words, hint in _HINTS.items() if words in said), "")
    return Problem(mark.line + 1 if mark else 1, (), f"not YAML: {said}" + (f"; {hint}" if hint else ""))
