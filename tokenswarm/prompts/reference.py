"""A reference such as `KD417-BT902-LM033` that no other prompt carries, so that caches miss by design.

A namespace (one run and one worker) fixes a starting point by its hash; the n-th reference lies n steps
of a fixed width further on, modulo all 6.4e16 references. The step is coprime to that number, so a
namespace never repeats before it has used them all. Two namespaces of ten million prompts each overlap
with a probability of about 3e-10.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

# Without vowels and S, no reference spells a word.
_LETTERS: Final = "BCDFGHJKLMNPQRTVWXYZ"
_PAIRS: Final = tuple(a + b for a in _LETTERS for b in _LETTERS)
_TRIPLES: Final = tuple(f"{n:03d}" for n in range(1000))
_GROUP: Final = len(_PAIRS) * len(_TRIPLES)

SPACE: Final = _GROUP**3
STEP: Final = (
    42_808_576_977_358_431  # far from a round share of each group, so that neighbours look unrelated
)


class References:
    """The references of one namespace, in an order that `counter` walks through."""

    __slots__ = ("_start",)

    def __init__(self, namespace: str) -> None:
        digest = blake2b(namespace.encode(), digest_size=8).digest()
        self._start = int.from_bytes(digest, "big") % SPACE

    def number(self, counter: int) -> int:
        """A number below SPACE that differs for every counter below SPACE."""
        return (self._start + counter * STEP) % SPACE


def spell(number: int) -> str:
    """The written form of a number below SPACE; always 17 characters of the same kinds."""
    rest, low = divmod(number, _GROUP)
    high, middle = divmod(rest, _GROUP)
    return (
        f"{_PAIRS[high // 1000]}{_TRIPLES[high % 1000]}-"
        f"{_PAIRS[middle // 1000]}{_TRIPLES[middle % 1000]}-"
        f"{_PAIRS[low // 1000]}{_TRIPLES[low % 1000]}"
    )
