"""The pages that people read, and what stands on them: headings, links, and commands to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_BLOCK: Final = re.compile(r"(?:^(?: {4}.*)?\n)+", re.MULTILINE)
_INLINE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_OPTION: Final = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_COMMAND: Final = re.compile(r"(?:[A-Z_]+=\S* )*(?:tokenswarm|make)(?: |$)")
# Two spaces, or a hash behind one, end a command: what follows explains it.
_EXPLAINED: Final = re.compile(r"  +| #")


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    file: Path

    @property
    def name(self) -> str:
        """Its path in the project."""
        return str(self.file.relative_to(PROJECT))

    @cached_property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @property
    def _prose(self) -> str:
        """Without blocks of code: what looks like a link or a heading in there is none."""
        return _BLOCK.sub("\n", _FENCE.sub("", self.text))

    @property
    def links(self) -> list[str]:
        """Where they lead, as they are written."""
        return _LINK.findall(self._prose)

    @cached_property
    def anchors(self) -> set[str]:
        """Of the headings, as GitHub makes them."""
        headings = _HEADING.findall(self._prose)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @property
    def commands(self) -> Iterator[str]:
        """Ours and make's, without what explains them: those in blocks and those in a line of text."""
        for block in _BLOCK.findall(self.text):
            yield from filter(_COMMAND.match, _lines(block))
        for code in _INLINE.findall(self.text):
            command = " ".join(code.split())
            if _COMMAND.match(command):
                yield command

    @property
    def options(self) -> set[str]:
        """All that stand in pieces of code within the text, whosever they are."""
        return {option for code in _INLINE.findall(self._prose) for option in _OPTION.findall(code)}


def _lines(block: str) -> Iterator[str]:
    """Each command on one line; in front of others, the first of several columns is read."""
    open_line = ""
    for line in block.splitlines():
        said = _EXPLAINED.split(line.strip(), maxsplit=1)[0].strip()
        if said.endswith("\\"):
            open_line += said[:-1]
            continue
        yield open_line + said
        open_line = ""


def pages() -> list[Page]:
    """All of the project; what runs leave in reports/ is none."""
    found = [PROJECT.glob("*.md"), (PROJECT / "docs").rglob("*.md")]
    found += [(PROJECT / name).glob("*.md") for name in ("benchmarks", "reports", "tokenswarm/starter/own")]
    return [Page(file) for files in found for file in sorted(files)]
