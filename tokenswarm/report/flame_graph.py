"""Stacks as a flame graph (Gregg, CACM 2016): an SVG that needs no network and no script.

A frame is as wide as the share of samples that have it at this place, and stands on the frame that called it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 1200
_ROW: Final = 17
_MARGIN: Final = 10
_HEAD: Final = 46
_CHARACTER: Final = 6.6  # of the font, in pixels
_NARROWEST: Final = 0.4  # pixels; what is narrower can't be seen
_MOST_FRAMES: Final = 20_000
# Neighbours differ, and a function has one colour wherever it stands.
_HUES: Final = (8, 14, 20, 26, 32, 38, 44, 50)


@dataclass(slots=True)
class _Node:
    name: str
    count: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Box:
    node: _Node
    x: float
    width: float
    depth: int


def flame_graph(stacks: Mapping[tuple[str, ...], int], title: str, subtitle: str) -> str:
    """The whole file; an empty one says so."""
    root = _Node("all")
    for stack, count in stacks.items():
        root.count += count
        node = root
        for frame in stack:
            node = node.children.setdefault(frame, _Node(frame))
            node.count += count
    boxes = list(_boxes(root))[:_MOST_FRAMES]
    rows = max((box.depth for box in boxes), default=0) + 1
    height = _HEAD + rows * _ROW + _MARGIN
    frames = "\n".join(_drawn(box, root.count, height) for box in boxes)
    return _PAGE.format(
        width=_WIDTH + 2 * _MARGIN,
        height=height,
        margin=_MARGIN,
        title=escape(title),
        subtitle=escape(subtitle if root.count else "no sample was taken"),
        frames=frames,
    )


def _boxes(root: _Node) -> Iterator[_Box]:
    """From the root up, breadth first, so that what is left out of a huge graph is its tips."""
    if not root.count:
        return
    scale = _WIDTH / root.count
    level = [_Box(root, 0.0, float(_WIDTH), 0)]
    while level:
        yield from level
        above: list[_Box] = []
        for box in level:
            x = box.x
            for child in sorted(box.node.children.values(), key=lambda node: node.name):
                width = child.count * scale
                if width >= _NARROWEST:
                    above.append(_Box(child, x, width, box.depth + 1))
                x += width
        level = above


def _drawn(box: _Box, whole: int, height: int) -> str:
    y = height - _MARGIN - (box.depth + 1) * _ROW
    share = f"{100 * box.node.count / whole:.1f}%"
    hint = escape(f"{box.node.name}: {box.node.count} samples, {share}")
    characters = int((box.width - 4) / _CHARACTER)
    name = box.node.name
    text = ""
    if characters >= 3:
        cut = name if len(name) <= characters else f"{name[: characters - 1]}…"
        text = f'<text x="{_MARGIN + box.x + 3:.1f}" y="{y + 12}">{escape(cut)}</text>'
    number = zlib.crc32(name.encode())
    fill = f"hsl({_HUES[number % len(_HUES)]},{58 + number // 8 % 20}%,{62 + number // 256 % 14}%)"
    return (
        f'<g><title>{hint}</title><rect x="{_MARGIN + box.x:.1f}" y="{y}" width="{box.width:.2f}"'
        f' height="{_ROW - 1}" rx="1" fill="{fill}"/>{text}</g>'
    )


_PAGE: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
svg {{ background: #fefefe; font: 11px ui-monospace, Menlo, Consolas, monospace; }}
text {{ fill: #1b1f24; pointer-events: none; }}
.head {{ font: 600 15px system-ui, sans-serif; }}
.sub {{ font: 12px system-ui, sans-serif; fill: #5c6670; }}
rect:hover {{ stroke: #1b1f24; stroke-width: 1; }}
</style>
<text class="head" x="{margin}" y="20">{title}</text>
<text class="sub" x="{margin}" y="36">{subtitle}</text>
{frames}
</svg>
"""
