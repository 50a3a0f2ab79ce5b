"""What to say when a word isn't one of those allowed: which are, and which was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`"; did you mean x?"`, or nothing when no allowed word is near."""
    names = list(allowed)
    folded = {name.lower(): name for name in names}
    near = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[near[0]]}?" if near else ""


def not_one_of(word: str, allowed: Iterable[str]) -> str:
    """`got wrod, allowed: word, other; did you mean word?`."""
    names = list(allowed)
    return f"got {word}, allowed: {', '.join(names) or 'none'}{did_you_mean(word, names)}"
