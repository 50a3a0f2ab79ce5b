"""The LLM upstream: decides what one call is answered and when; draws, but neither waits nor writes."""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Final

from tokenswarm.mock.distribution import Fixed
from tokenswarm.mock.orders import DEFAULT_ERROR_STATUS, Orders
from tokenswarm.mock.text import MAX_TOKENS

OK: Final = 200
_KEPT_PLANS: Final = 256


# A plain slots class: one may be made for each call. Never changed, hashed by identity: caches rest on it.
class Plan:
    """One answer: its status, its size, and when each content chunk is due, in seconds after receipt."""

    __slots__ = ("due_s", "is_capped", "orders", "status", "tokens")

    def __init__(
        self, orders: Orders, status: int, tokens: int, is_capped: bool, due_s: tuple[float, ...]
    ) -> None:
        self.orders = orders
        self.status = status
        self.tokens = tokens  # visible ones; orders.reasoning come before them
        self.is_capped = is_capped  # by the request's max_tokens
        self.due_s = due_s

    @property
    def total_s(self) -> float:
        """When the last chunk is due, and with it an answer that isn't streamed."""
        return self.due_s[-1]


class Provider:
    """Plans answers. Two sources of randomness, so that other timings don't change which calls fail."""

    def __init__(self, errors: Random, timing: Random) -> None:
        self._errors = errors
        self._timing = timing
        self._certain: dict[tuple[Orders, int | None], Plan] = {}

    def plan(self, orders: Orders, max_tokens: int | None) -> Plan:
        """The answer to the next call; equal seeds and equal calls in equal order give equal plans."""
        plan = self._certain.get((orders, max_tokens))
        if plan is None:
            plan = self._make_plan(orders, max_tokens)
            if orders.is_certain:
                if len(self._certain) >= _KEPT_PLANS:
                    self._certain.clear()
                self._certain[orders, max_tokens] = plan
        return plan

    def _make_plan(self, orders: Orders, max_tokens: int | None) -> Plan:
        if self._fails(orders):
            return Plan(orders, orders.status or DEFAULT_ERROR_STATUS, 0, False, (0.0,))
        tokens = min(max(1, round(orders.tokens.draw(self._timing))), MAX_TOKENS)
        is_capped = max_tokens is not None and max_tokens < tokens
        if max_tokens is not None and is_capped:
            tokens = max_tokens
        return Plan(orders, OK, tokens, is_capped, self._due_s(orders, tokens))

    def _fails(self, orders: Orders) -> bool:
        rate = orders.error_rate
        return rate > 0 and (rate >= 1 or self._errors.random() < rate)

    def _due_s(self, orders: Orders, tokens: int) -> tuple[float, ...]:
        """Absolute times, so that the error of one write is not handed on to the next."""
        size = orders.chunk_tokens
        chunks = -(-orders.reasoning // size) - (-tokens // size)
        rng = self._timing
        unit_s = orders.slow / 1000  # of all that is ordered in ms
        first_s = orders.ttft.draw(rng) * unit_s
        if isinstance(orders.itl, Fixed):
            gap_s = orders.itl.value * size * unit_s
            due_s = tuple(first_s + index * gap_s for index in range(chunks))
        else:
            gaps_s = (orders.itl.draw(rng) * size * unit_s for _ in range(chunks - 1))
            due_s = tuple(accumulate(gaps_s, initial=first_s))
        if orders.stall_at is None:
            return due_s
        stalled_s = (at_s + orders.stall * unit_s for at_s in due_s[orders.stall_at :])
        return (*due_s[: orders.stall_at], *stalled_s)
