"""When bytes arrived: the kernel's stamps, on a clock that doesn't step."""

from __future__ import annotations

import select
import socket
import time

import pytest

from tokenswarm.transport.arrival import KERNEL, ArrivalClock, arrival_clock_name, stamp_arrivals

BUFFER = memoryview(bytearray(1024))


class Clocks:
    """A monotonic and a realtime clock that are moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.ahead_s = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.now_s

    def real(self) -> float:
        return self.now_s + self.ahead_s

    def clock(self) -> ArrivalClock:
        return ArrivalClock(self.monotonic, self.real)


def test_a_stamp_is_as_old_as_the_realtime_clock_says() -> None:
    """Bytes that lay there for 30 ms."""
    clocks = Clocks()
    clock = clocks.clock()
    clocks.now_s += 5
    assert clock.time_of(clocks.real() - 0.03) == pytest.approx(104.97, abs=1e-5)
    assert clock.steps == 0


def test_a_clock_that_is_slewed_is_followed() -> None:
    """500 µs a second for an hour: each stamp is right, and none of it is a step."""
    clocks = Clocks()
    clock = clocks.clock()
    for _ in range(3600):
        clocks.now_s += 1
        clocks.ahead_s += 0.0005
        assert clock.time_of(clocks.real() - 0.01) == pytest.approx(clocks.now_s - 0.01, abs=1e-5)
    assert clock.steps == 0


@pytest.mark.parametrize("step_s", [3600.0, 0.05, -0.05, -3600.0])
def test_a_step_of_the_realtime_clock_costs_one_read_its_stamp(step_s: float) -> None:
    """The first read after the step has the time of the read; from the next on stamps are right again."""
    clocks = Clocks()
    clock = clocks.clock()
    stamp_s = clocks.real()
    clocks.now_s += 0.02
    clocks.ahead_s += step_s
    assert clock.time_of(stamp_s) == clocks.now_s
    assert clock.steps == 1
    clocks.now_s += 1
    assert clock.time_of(clocks.real() - 0.01) == pytest.approx(clocks.now_s - 0.01, abs=1e-5)
    assert clock.steps == 1


def test_a_core_that_was_lost_between_two_looks_is_no_step() -> None:
    """For once 20 ms pass between reading one clock and the other."""
    clocks = Clocks()
    late_s = [0.0, 0.02]

    def real() -> float:
        if late_s:
            clocks.now_s += late_s.pop(0)
        return clocks.real()

    clock = ArrivalClock(clocks.monotonic, real)
    stamp_s = clocks.real()
    assert clock.time_of(stamp_s) == pytest.approx(100.0, abs=1e-5)
    assert clock.steps == 0


@pytest.mark.parametrize("age_s", [-0.5, 1e5])
def test_a_stamp_that_can_not_be_is_not_believed(age_s: float) -> None:
    """From the future, or of yesterday."""
    clocks = Clocks()
    assert clocks.clock().time_of(clocks.real() - age_s) == clocks.now_s


@pytest.mark.skipif(arrival_clock_name() != KERNEL, reason="the kernel stamps nothing here")
def test_a_late_reader_still_learns_when_the_bytes_came() -> None:
    """Read a tenth of a second after they were sent, on a real connection."""
    clock = ArrivalClock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with peer, ours:
        ours.setblocking(False)
        assert stamp_arrivals(ours)
        # The kernel begins to stamp a moment after it is asked to: a first exchange may go without.
        for _ in range(50):
            sent_at_s = time.monotonic()
            peer.send(b"x" * 10)
            select.select([ours], [], [], 10)
            while time.monotonic() < sent_at_s + 0.1:
                select.select([], [], [], 0.01)
            read_at_s = time.monotonic()
            count, at_s = clock.receive(ours, BUFFER)
            assert count == 10
            if at_s < read_at_s - 0.05:
                break
        assert sent_at_s - 0.001 <= at_s < read_at_s - 0.05
        with pytest.raises(BlockingIOError):
            clock.receive(ours, BUFFER)
        peer.close()
        select.select([ours], [], [], 10)
        assert clock.receive(ours, BUFFER)[0] == 0
