"""Counting different texts in little room."""

from __future__ import annotations

import pytest

from tokenswarm.metrics.distinct import MOST_KEPT, DistinctCount


def sketch_of(texts: range) -> DistinctCount:
    sketch = DistinctCount()
    for number in texts:
        sketch.add(f"prompt {number}")
    return sketch


def test_few_texts_are_counted_exactly_however_often_they_come() -> None:
    """A pool of a thousand, asked three times."""
    sketch = sketch_of(range(1000))
    for _ in range(2):
        sketch.merge(sketch_of(range(1000)))
    assert (sketch.estimate, sketch.is_exact) == (1000, True)


def test_many_texts_are_estimated_within_three_deviations() -> None:
    """Fifty thousand, of which two workers sent a part each, and some both."""
    sketch = sketch_of(range(30_000))
    sketch.merge(sketch_of(range(20_000, 50_000)))
    assert not sketch.is_exact
    assert sketch.estimate == pytest.approx(50_000, rel=3 / MOST_KEPT**0.5)
    assert len(sketch.pack()) == 8 * MOST_KEPT


def test_the_wire_carries_all_of_it() -> None:
    """What comes out counts on as if nothing had been."""
    sketch = DistinctCount.unpack(sketch_of(range(100)).pack())
    sketch.merge(sketch_of(range(50, 150)))
    assert sketch.estimate == 150


@pytest.mark.parametrize("data", [b"1234567", bytes(8 * MOST_KEPT + 8)])
def test_rubbish_is_refused(data: bytes) -> None:
    """Half a hash, and more of them than there can be."""
    with pytest.raises(ValueError, match="not hashes"):
        DistinctCount.unpack(data)
