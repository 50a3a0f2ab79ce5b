"""Prometheus's text exposition format: bytes of a page → the families that are asked for.

https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4); what OpenMetrics adds to a
line, exemplars and timestamps, is passed over. Pages of gateways have thousands of lines, of which few are
wanted: a line is looked at closely only if it begins with a name that is.

    line   = name [ "{" label { "," label } [ "," ] "}" ] value [ timestamp ] [ "#" exemplar ]
    label  = name "=" '"' text '"'         with \\\\, \\" and \\n escaped in the text
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

_NAME: Final = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL: Final = re.compile(rb'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPED: Final = re.compile(r"\\(.)")
_ESCAPES: Final[Mapping[str, str]] = {"n": "\n"}
# In this order: the name of a counter may itself end in _sum.
_PARTS: Final = ("_bucket", "_count", "_sum", "_total")
_COUNTER_END: Final = "_total"
# A target that makes up a label for each call must not fill our memory.
MOST_SERIES: Final = 20_000

LabelSet = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Family:
    """One metric of a page: `kind` is counter, gauge, histogram, summary or untyped.

    `samples` go by the part of the name that follows the family's ("", "_bucket", "_count", "_sum").
    """

    name: str
    kind: str = "untyped"
    samples: dict[str, dict[LabelSet, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Page:
    """The wanted families of a page by name, counters without `_total`; and how many lines made no sense."""

    families: dict[str, Family] = field(default_factory=dict)
    bad_lines: int = 0
    is_cut: bool = False  # more than MOST_SERIES series were wanted

    def get(self, name: str) -> Family | None:
        """A family, written with or without `_total`; one that is declared may have no series yet."""
        return self.families.get(name.removesuffix(_COUNTER_END))


def parse_page(data: bytes, wanted: Collection[str]) -> Page:
    """The wanted families; lines that can't be read are counted, and no error is raised."""
    page = Page()
    roots = {name.removesuffix(_COUNTER_END) for name in wanted}
    starts = tuple(root.encode() for root in roots)
    read = 0
    for line in map(bytes.strip, data.splitlines()):
        if line.startswith(b"#"):
            _note_type(page, line, roots)
        elif line.startswith(starts) if starts else False:
            read += _add(page, line, roots)
            if read > MOST_SERIES:
                page.is_cut = True
                break
    return page


def _note_type(page: Page, line: bytes, roots: Collection[str]) -> None:
    words = line.decode("utf-8", "replace").split()
    if len(words) < 4 or words[1] != "TYPE":
        return
    root = words[2].removesuffix(_COUNTER_END)
    if root in roots:
        page.families.setdefault(root, Family(root)).kind = words[3]


def _add(page: Page, line: bytes, roots: Collection[str]) -> int:
    match = _NAME.match(line)
    assert match is not None, "the line begins with a wanted name"
    name = match.group().decode()
    root, part = _family_of(name, roots)
    if root is None:
        return 0
    try:
        labels, at = _labels(line, match.end())
        value = float(line[at:].split()[0])
    except (ValueError, IndexError):
        page.bad_lines += 1
        return 0
    family = page.families.setdefault(root, Family(root))
    if part == _COUNTER_END:
        if family.kind in ("untyped", "unknown"):
            family.kind = "counter"
        part = ""
    family.samples.setdefault(part, {})[labels] = value
    return 1


def _family_of(name: str, roots: Collection[str]) -> tuple[str | None, str]:
    """The wanted family that a sample belongs to, and the part of its name after the family's."""
    if name in roots:
        return name, ""
    for part in _PARTS:
        if name.endswith(part) and name.removesuffix(part) in roots:
            return name.removesuffix(part), part
    return None, ""


def _labels(line: bytes, at: int) -> tuple[LabelSet, int]:
    """The labels that begin there, sorted, and where they end; ValueError if they don't."""
    while line[at : at + 1] in (b" ", b"\t"):
        at += 1
    if line[at : at + 1] != b"{":
        return (), at
    at += 1
    found: list[tuple[str, str]] = []
    while match := _LABEL.match(line, at):
        text = match[2].decode("utf-8", "replace")
        found.append((match[1].decode(), _ESCAPED.sub(lambda m: _ESCAPES.get(m[1], m[1]), text)))
        at = match.end()
    rest = line[at:].lstrip()
    if not rest.startswith(b"}"):
        raise ValueError("labels don't end")
    return tuple(sorted(found)), len(line) - len(rest) + 1


def bound_of(labels: LabelSet) -> tuple[float, LabelSet]:
    """The upper bound of a bucket, and the labels of the histogram that it is part of; NaN without one."""
    text = dict(labels).get("le", "nan")
    try:
        bound = float(text)
    except ValueError:
        bound = math.nan
    return bound, tuple((name, value) for name, value in labels if name != "le")
