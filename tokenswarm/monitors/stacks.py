"""What profilers say of a process: bytes → stacks, from the outermost frame in, and how often each was seen.

perf script    a head line for each sample, then its frames, indented and the innermost first, then a blank:
               "python 123 4.5:  1 cycles:" / "    7fb2 symbol+0x1c (/path/lib.so)"
py-spy (raw)   a line for each stack, as many tools write and read it: "outer;inner;innermost 12"
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

Stack = tuple[str, ...]

_FRAME: Final = re.compile(
    r"\s+[0-9a-f]+ (?P<symbol>.*?)(?:\+0x[0-9a-f]+)? \((?P<module>[^()]*(?:\([^()]*\))?)\)$"
)
_HEAD: Final = re.compile(r"(?P<command>\S.*?)\s+\d+(?:/\d+)?\s+(?:\[\d+\]\s+)?\d+\.\d+:")
# py-spy names a process with its whole command line, in which keys may stand.
_COMMAND_LINE: Final = re.compile(r'(process \d+):"(?:[^"\\]|\\.)*"?')
_UNKNOWN: Final = "[unknown]"
_DEEPEST: Final = 200  # frames; what lies deeper is left out


def parse_perf_script(data: bytes) -> Counter[Stack]:
    """Stacks of `perf script`, each under its command; lines that are no frame are passed over."""
    stacks: Counter[Stack] = Counter()
    command = ""
    frames: list[str] = []
    for line in [*data.decode("utf-8", "replace").splitlines(), ""]:
        if not line.strip():
            if command:
                stacks[(command, *reversed(frames[-_DEEPEST:]))] += 1
            command, frames = "", []
            continue
        frame = _FRAME.match(line)
        if frame is not None:
            frames.append(_shown(frame["symbol"], frame["module"]))
        elif (head := _HEAD.match(line)) is not None:
            command = head["command"]
    return stacks


def _shown(symbol: str, module: str) -> str:
    if symbol != _UNKNOWN:
        return symbol
    # Without symbols the library says at least whose time it was.
    return f"[{PurePosixPath(module).name}]" if module and module != _UNKNOWN else _UNKNOWN


def parse_folded(data: bytes) -> Counter[Stack]:
    """Folded stacks; lines that are none are passed over."""
    stacks: Counter[Stack] = Counter()
    for line in data.decode("utf-8", "replace").splitlines():
        frames, _, count = line.rpartition(" ")
        if frames and count.isascii() and count.isdigit():
            stack = _COMMAND_LINE.sub(r"\1", frames).split(";")
            stacks[tuple(stack[:_DEEPEST])] += int(count)
    return stacks


def folded(stacks: Mapping[Stack, int]) -> str:
    """The stacks as text that other viewers read, too."""
    rows = sorted((";".join(frame.replace(";", ":") for frame in stack), n) for stack, n in stacks.items())
    return "".join(f"{stack} {count}\n" for stack, count in rows)
