"""What is sampled from time to time rather than counted: users, CPU, memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A gauge read at one time from one place: `users` from the master, CPU from each worker."""

    at_s: float
    source: str
    name: str
    value: float
