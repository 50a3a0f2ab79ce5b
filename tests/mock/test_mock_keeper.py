"""A stack's processes that die: noted, and providers are started anew on the ports that they had."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tokenswarm.mock.keeper import Keeper
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.stack import start_stack

from ..until import until

INSTANT = MockOptions(ttft="0", itl="0", tokens="2")


def test_a_killed_provider_is_noted_and_started_anew_where_it_was() -> None:
    """Its death to a few hundredths of a second; the new one ends with the block as the old one would."""
    with start_stack((INSTANT, INSTANT)) as stack, Keeper(stack, revive_after_s=0.2) as keeper:
        primary = stack.providers[0]
        killed_s = time.monotonic()
        os.kill(primary.pid, signal.SIGKILL)
        until(lambda: keeper.deaths and keeper.deaths[0].successor)
        (death,) = keeper.deaths
        assert (death.name, death.pid) == ("primary", primary.pid)
        assert killed_s <= death.monotonic_s < killed_s + 0.5
        assert death.successor == keeper.pids["primary"] != primary.pid
        assert primary.counters().received == 0  # it answers on the ports of the old one
    for pid in (primary.pid, death.successor):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_dead_gateway_stays_dead() -> None:
    """With what it had counted gone, the run has lost its sense; that it died is noted."""
    with start_stack((INSTANT,)) as stack, Keeper(stack, revive_after_s=0.0) as keeper:
        stack.gateway.kill()
        until(lambda: keeper.deaths)
        assert [(death.name, death.successor) for death in keeper.deaths] == [("gateway", None)]


def test_an_orderly_end_is_no_death() -> None:
    """What the block itself stops did not die."""
    with start_stack((INSTANT,)) as stack, Keeper(stack) as keeper:
        assert keeper.pids["primary"] == stack.providers[0].pid
    assert keeper.deaths == []
