"""The open model: when each call is due, in one sequence that every worker can compute for itself.

Λ(t) is the integral of the rate over all stages without `requests`, up to t. Arrival k = 0, 1, 2, … of
those stages is due where Λ reaches u(k):

    constant   u(k) = k + ½
    gamma      u(k) = g(0) + … + g(k)      gaps g of mean 1, gamma distributed with shape `burstiness`
    poisson    the same with shape 1, which is exponential

Gaps of mean 1 on the axis of Λ are gaps of mean 1 ÷ rate in time, however the rate changes (the
time-rescaling theorem), and nothing accumulates: each time is Λ⁻¹ of its own u. The ½ keeps arrivals off
the borders of stages, so a stage of 30 s at 1,000/s has exactly 30,000 and rounding can't move the last
one into the next stage. The first gap of the random ones is that of a process which has always been
running, so that the mean count up to t is Λ(t) exactly, for any shape.

A stage with `requests: N` and rate r lasts D = N ÷ r and has its own N arrivals at D × x(k):

    constant   x(k) = (k + ½) ÷ N
    others     N + 1 gaps of the same kind, divided by their sum: the process, given that it makes N calls.
               x(k) = 1 − (1 − b(0)) … (1 − b(k)),  b(k) beta distributed with (shape, shape × (N − k))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.slope import Array

ArrivalKind = Literal["constant", "poisson", "gamma"]

_BLOCK: Final = 1024  # arrivals made at a time: some 10 µs of work, and 8 KB


@dataclass(frozen=True, slots=True)
class Schedule:
    """All arrivals of a run, in seconds since its start. The same values give the same sequence anywhere."""

    plan: StagePlan
    kind: ArrivalKind
    seed: int
    burstiness: float | None = None  # gamma only: below 1 in bursts, 1 poisson, above 1 more even

    def blocks(self) -> Iterator[Array]:
        """Due times in order, some at a time; each call begins anew."""
        rng = np.random.default_rng(self.seed % 2**64)
        shape = None if self.kind == "constant" else self.burstiness or 1.0
        units = _Units(rng, shape)
        area = 0.0
        for slope in self.plan.slopes:
            if slope.requests is not None:
                shares = (
                    _even_shares(slope.requests) if shape is None else _shares(rng, shape, slope.requests)
                )
                yield from (slope.inside(slope.start_s + slope.duration_s * part) for part in shares)
                continue
            begun, area = area, area + slope.area(slope.start_s, slope.end_s)
            for part in units.below(area):
                yield slope.when(part - begun)

    def due_times(self, worker: int = 0, workers: int = 1) -> Iterator[float]:
        """One worker's share while nobody joins or leaves: arrival k is that of worker k mod `workers`."""
        first = 0
        for block in self.blocks():
            yield from block[(worker - first) % workers :: workers].tolist()
            first += len(block)


class _Units:
    """The sequence u, as far as it has been asked for."""

    def __init__(self, rng: np.random.Generator, shape: float | None) -> None:
        self._rng = rng
        self._shape = shape
        self._made = 0
        self._last = 0.0
        self._ahead: Array = np.empty(0)

    def below(self, limit: float) -> Iterator[Array]:
        """Those below the limit that have not been given yet."""
        while True:
            if not len(self._ahead):
                self._make()
            count = int(np.searchsorted(self._ahead, limit))
            part, self._ahead = self._ahead[:count], self._ahead[count:]
            if count:
                yield part
            if len(self._ahead):
                return

    def _make(self) -> None:
        if self._shape is None:
            self._ahead = np.arange(self._made, self._made + _BLOCK) + 0.5
        else:
            gaps = self._rng.standard_gamma(self._shape, _BLOCK) / self._shape
            if not self._made:
                # Where a process that has always been running stands at time 0: somewhere within a gap,
                # and long gaps are the likelier to be met.
                gaps[0] = self._rng.random() * self._rng.standard_gamma(self._shape + 1) / self._shape
            self._ahead = self._last + np.cumsum(gaps)
            self._last = float(self._ahead[-1])
        self._made += _BLOCK


def _even_shares(requests: int) -> Iterator[Array]:
    for first in range(0, requests, _BLOCK):
        yield (np.arange(first, min(first + _BLOCK, requests)) + 0.5) / requests


def _shares(rng: np.random.Generator, shape: float, requests: int) -> Iterator[Array]:
    left = 1.0  # of the stage, after the arrivals so far
    for first in range(0, requests, _BLOCK):
        gaps_after = requests - np.arange(first, min(first + _BLOCK, requests))
        lefts = left * np.cumprod(1.0 - rng.beta(shape, shape * gaps_after))
        left = float(lefts[-1])
        yield 1.0 - lefts
