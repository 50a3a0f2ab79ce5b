"""How alike two texts are: the cosine of their hashed character trigrams. No model; the same everywhere.

Each trigram adds to one of 1,024 places, with a sign of its own, so that trigrams that share a place cancel
out on average instead of making all long texts alike.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

DIMENSIONS: Final = 1024
_LONGEST: Final = 20_000
_MIX: Final = np.uint32(0x9E3779B1)  # 2³² divided by the golden ratio: spreads neighbours apart


def vector_of(text: str) -> Vector:
    """A unit vector; case and runs of white space don't count. Texts that are too long are cut."""
    words = " ".join(text.lower().split())
    codes = np.frombuffer(words.encode()[:_LONGEST], dtype=np.uint8).astype(np.uint32)
    if len(codes) < 3:
        codes = np.pad(codes, (0, 3 - len(codes)))
    grams, counts = np.unique(codes[:-2] << 16 | codes[1:-1] << 8 | codes[2:], return_counts=True)
    hashes = grams.astype(np.uint32) * _MIX
    places = hashes >> np.uint32(22)
    signs = np.where(hashes & np.uint32(1 << 20), 1.0, -1.0)
    weights = 1 + np.log(counts)  # what is said again and again shouldn't drown the rest
    vector = np.bincount(places, signs * weights, minlength=DIMENSIONS)
    length = float(np.sqrt(vector @ vector))
    return (vector / (length or 1.0)).astype(np.float32)
