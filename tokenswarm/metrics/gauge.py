"""What is sampled from time to time rather than counted: users, CPU, memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A gauge read at one time from one place: `users` from the master, CPU from each worker."""

    at_s: float
    source: str
    name: str
    value: float


class Samples:
    """Samples by name: who asks for one gauge, as each threshold does, need not look through all of them."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            self.append(sample)

    def append(self, sample: Sample) -> None:
        """Add one; of one name and source they come in the order of time."""
        self._by_name.setdefault(sample.name, []).append(sample)

    def of(self, name: str) -> Sequence[Sample]:
        """Those of one name, in the order in which they came; to look at, not to change."""
        return self._by_name.get(name, ())

    def last_of_each(self, name: str, width_s: float) -> dict[int, float]:
        """By the number of an interval so wide: the last value of one name that was read in it."""
        return {int(sample.at_s / width_s): sample.value for sample in self.of(name)}

    @property
    def names(self) -> Collection[str]:
        """What there are samples of, in the order in which each first came."""
        return self._by_name.keys()

    def drop_older_half(self) -> None:
        """Of each name; one that came once stays."""
        for samples in self._by_name.values():
            del samples[: len(samples) // 2]

    def __iter__(self) -> Iterator[Sample]:
        """All of them, name after name."""
        for samples in self._by_name.values():
            yield from samples

    def __len__(self) -> int:
        return sum(map(len, self._by_name.values()))
