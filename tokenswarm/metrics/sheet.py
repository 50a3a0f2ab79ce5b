"""Many histograms as bytes, for the wire and for files, and back: a column for each thing they have.

Little-endian, n histograms with N filled buckets in all; G and C are the sizes of an integer, 1, 2, 4 or 8:

    G, C            2 × uint8
    sums            n × float64
    minima          n × float64
    maxima          n × float64
    first buckets   n × uint16
    filled buckets  n × uint16   how many, at least one each; together N
    gaps            N × G        from the filled bucket before; 0 for a histogram's first
    counts          N × C        none is 0

Columns of like things, and gaps that are mostly 1, are what deflate makes little of. In a line of JSON the
bytes are one text: deflated, then base64.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tokenswarm.metrics.histogram import LAST_BUCKET, Histogram, Place, Sheet

_UNSIGNED: Final[Mapping[int, np.dtype[Any]]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_FLOAT: Final = np.dtype("<f8")
_MOST_COUNTED: Final = 2**53  # no worker counts so far, and sums stay whole numbers
# A level more saves 3 % and takes half as long again, in a process that makes load.
_DEFLATE_LEVEL: Final = 5
_BYTES_A_HISTOGRAM: Final = 3 * 8 + 2 * 2


def pack(histograms: Sequence[Histogram]) -> bytes:
    """The histograms, none of them empty, as bytes."""
    if not histograms:
        return b""
    found = [histogram.buckets() for histogram in histograms]
    filled = np.asarray([len(buckets) for buckets, _ in found])
    if not filled.all():
        raise ValueError("an empty histogram is left out, not packed")
    starts = filled.cumsum() - filled
    buckets = np.concatenate([buckets for buckets, _ in found]).astype(np.int64)
    counts = np.concatenate([counts for _, counts in found])
    gaps = np.diff(buckets, prepend=0)
    gaps[starts] = 0
    gap_type, count_type = _type_for(gaps), _type_for(counts)
    columns: list[NDArray[Any]] = [
        np.asarray([histogram.total for histogram in histograms], _FLOAT),
        np.asarray([histogram.low for histogram in histograms], _FLOAT),
        np.asarray([histogram.high for histogram in histograms], _FLOAT),
        buckets[starts].astype(_UNSIGNED[2]),
        filled.astype(_UNSIGNED[2]),
        gaps.astype(gap_type),
        counts.astype(count_type),
    ]
    head = bytes((gap_type.itemsize, count_type.itemsize))
    return head + b"".join(column.tobytes() for column in columns)


def unpack(data: bytes, number: int, *, is_kept: bool = False) -> list[Histogram]:
    """So many histograms; ValueError if these bytes are anything else. They share one sheet.

    `is_kept` makes it small, and otherwise it is quick to add up. Nothing larger than eight times `data`
    is made, whatever is in it.
    """
    if not number:
        if data:
            raise _not_packed("there is something where nothing should be")
        return []
    if len(data) < 2 + number * _BYTES_A_HISTOGRAM or not {data[0], data[1]} <= _UNSIGNED.keys():
        raise _not_packed("it is cut off")
    floats = np.frombuffer(data, _FLOAT, 3 * number, 2).reshape(3, number)
    firsts, filled = np.frombuffer(data, _UNSIGNED[2], 2 * number, 2 + 24 * number).reshape(2, number)
    stops = filled.cumsum(dtype=np.int64)
    at, all_filled = 2 + number * _BYTES_A_HISTOGRAM, int(stops[-1])
    if not filled.all() or len(data) != at + all_filled * (data[0] + data[1]):
        raise _not_packed("its length is wrong")
    starts = stops - filled
    gaps = np.frombuffer(data, _UNSIGNED[data[0]], all_filled, at)
    counts = np.frombuffer(data, _UNSIGNED[data[1]], all_filled, at + all_filled * data[0])
    buckets = _buckets(gaps, firsts, filled, starts)
    if is_kept:
        sheet = Sheet(buckets.astype(_UNSIGNED[2]), counts, is_small=True)
    else:
        sheet = Sheet(buckets, counts.astype(np.int64), is_small=False)
    sums = np.add.reduceat(counts, starts, dtype=np.float64)
    if not counts.all() or sums.max() > _MOST_COUNTED:
        raise _not_packed("a count is nothing, or far too many")
    # No comparison with NaN holds.
    if not (np.isfinite(floats).all() and (floats[1] <= floats[2]).all()):
        raise _not_packed("a minimum is above its maximum, or not a number")
    totals, lows, highs = floats.tolist()
    lasts = buckets[stops - 1]
    places = map(Place, [sheet] * number, starts.tolist(), stops.tolist(), firsts.tolist(), lasts.tolist())
    return [
        Histogram.lying(place, count=int(count), total=total, low=low, high=high)
        for place, count, total, low, high in zip(places, sums.tolist(), totals, lows, highs, strict=True)
    ]


def repack(histograms: Sequence[Histogram]) -> None:
    """Lay those that take a window of their own on one sheet."""
    spread = [histogram for histogram in histograms if histogram.count and not histogram.is_lying]
    if not spread:
        return
    for histogram, lying in zip(spread, unpack(pack(spread), len(spread), is_kept=True), strict=True):
        histogram.lay_like(lying)


def deflated(data: bytes) -> str:
    """Bytes as text for a line of JSON."""
    return base64.b64encode(zlib.compress(data, _DEFLATE_LEVEL)).decode("ascii")


def inflated(text: str, most: int) -> bytes:
    """The bytes in a text of `deflated`, at most so many of them; ValueError if it is anything else."""
    engine = zlib.decompressobj()
    try:
        # Never more than expected, whatever the text would grow into.
        data = engine.decompress(base64.b64decode(text, validate=True), most)
    except zlib.error as error:
        raise ValueError(f"not deflated: {error}") from None
    if not engine.eof:
        raise ValueError(f"more than the {most} bytes that so many histograms can take")
    return data


def most_bytes(number: int) -> int:
    """What so many histograms can take at most."""
    return 2 + number * (_BYTES_A_HISTOGRAM + (LAST_BUCKET + 1) * 16)


def _buckets(
    gaps: NDArray[Any], firsts: NDArray[Any], filled: NDArray[Any], starts: NDArray[Any]
) -> NDArray[np.int64]:
    """Bucket numbers from the gaps between them; ValueError if they don't ascend."""
    if np.count_nonzero(gaps) != len(gaps) - len(starts) or gaps[starts].any():
        raise _not_packed("its buckets don't ascend")
    # Gaps of 8 bytes could wrap round; as floats they are merely too large.
    passed = gaps.cumsum(dtype=np.float64)
    buckets: NDArray[np.float64] = passed - np.repeat(passed[starts] - firsts, filled)
    if buckets.max() > LAST_BUCKET:
        raise _not_packed(f"it has buckets beyond {LAST_BUCKET}, the last there is")
    return buckets.astype(np.int64)


def _type_for(numbers: NDArray[Any]) -> np.dtype[Any]:
    bits = int(math.log2(max(1, int(numbers.max())))) + 1
    return next(kind for size, kind in _UNSIGNED.items() if bits <= 8 * size)


def _not_packed(why: str) -> ValueError:
    return ValueError(f"not packed histograms: {why}")
