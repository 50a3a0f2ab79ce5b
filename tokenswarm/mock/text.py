"""What the mock model says: one word a token, the same words in the same order in every answer."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

MAX_TOKENS: Final = 16_384

# ASCII without quotes or backslashes, so that a slice of it is valid inside a JSON string as it stands.
_SENTENCE: Final = (
    "a mock model has no opinions but many words and it hands them out one by one at the pace that it "
    "was told to keep so that whoever listens can check every gap against the clock"
)
WORDS: Final = tuple(f"{word} " for word in _SENTENCE.split())
_CYCLE: Final = "".join(WORDS)
_ENDS: Final = (0, *accumulate(map(len, WORDS)))


def words(start: int, end: int) -> str:
    """The text of the tokens from `start` up to `end`."""
    rounds, rest = divmod(end, len(WORDS))
    begun, offset = divmod(start, len(WORDS))
    text = _CYCLE * (rounds - begun) + _CYCLE[: _ENDS[rest]]
    return text[_ENDS[offset] :]
