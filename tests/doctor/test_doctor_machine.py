"""What a machine's facts mean, without a machine."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from tokenswarm.doctor.machine import MachineFacts, PortFact, machine_rows
from tokenswarm.doctor.machine_probe import look_at_machine, look_at_ports
from tokenswarm.doctor.row import Row, State
from tokenswarm.launch.limits import MachineLimits

MACHINE = {
    "python": "3.11.7",
    "platform": "Linux-6.1",
    "locust": "2.47.0",
    "gevent": "25.1",
    "cpu": "A CPU",
    "cores": 8,
    "cpu_limit_cores": None,
    "memory_bytes": 16 * 1024**3,
    "memory_limit_bytes": None,
}
FIT = MachineFacts(
    tokenswarm="1.0",
    machine=MACHINE,
    requirements=["locust<3,>=2.47", "numpy>=2.0", 'mypy>=1.13; extra == "dev"'],
    versions={"locust": "2.47.0", "numpy": "2.0.0rc1"},
    limits=MachineLimits(1024, 65536, 28232),
    ports=[PortFact(5557, None), PortFact(8089, None)],
    clock_source="tsc",
    has_kernel_stamps=True,
)


def rows_of(**facts: Any) -> dict[str, Row]:
    """Of a fit machine but for these facts, by name."""
    return {row.name: row for row in machine_rows(replace(FIT, **facts))}


def test_a_fit_machine_has_nothing_to_mend() -> None:
    """And each thing that was looked at has its row."""
    rows = rows_of()
    assert {row.state for row in rows.values()} == {State.OK}
    assert not any(row.mend for row in rows.values())
    assert {"Python", "packages", "cores", "open files", "port 5557", "clock source"} <= rows.keys()


@pytest.mark.parametrize(
    ("name", "state", "facts"),
    [
        ("packages", State.FAULT, {"versions": {"locust": "2.46.9", "numpy": "2.1"}}),  # too old
        ("packages", State.FAULT, {"versions": {"locust": "3.0.0", "numpy": "2.1"}}),  # too new
        ("packages", State.FAULT, {"versions": {"locust": "2.47", "numpy": None}}),  # not there
        ("packages", State.OK, {"versions": {"locust": "2.100.0", "numpy": "2"}}),  # numbers, not text
        ("cores", State.WARNING, {"machine": {**MACHINE, "cores": 1}}),
        ("cores", State.WARNING, {"machine": {**MACHINE, "cpu_limit_cores": 1.5}}),  # a container's
        ("memory", State.WARNING, {"machine": {**MACHINE, "memory_limit_bytes": 256 * 1024**2}}),
        ("open files", State.FAULT, {"limits": MachineLimits(64, 64, None)}),
        ("open files", State.WARNING, {"limits": MachineLimits(1024, 1024, None)}),
        ("open files", State.OK, {"limits": MachineLimits(None, None, None)}),
        ("local ports", State.WARNING, {"limits": MachineLimits(1024, 65536, 500)}),
        ("port 8089", State.WARNING, {"ports": [PortFact(8089, "python (pid 7)")]}),
        ("port 8089", State.WARNING, {"ports": [PortFact(8089, "")]}),  # another user's
        ("clock source", State.WARNING, {"clock_source": "hpet"}),
        ("clock source", State.OK, {"clock_source": None}),
        ("kernel timestamps", State.WARNING, {"has_kernel_stamps": False}),
    ],
)
def test_what_is_unfit_has_its_mend(name: str, state: State, facts: dict[str, Any]) -> None:
    """One fact differs, one row says so."""
    row = rows_of(**facts)[name]
    assert row.state is state
    assert bool(row.mend) == (state is not State.OK)


def test_who_has_a_port_is_named() -> None:
    """Ourselves, here; the other port is free once its socket is closed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with socket.create_server(("127.0.0.1", 0)) as other:
            free = other.getsockname()[1]
        (ours, nobodys) = look_at_ports([taken.getsockname()[1], free])
    assert ours.owner is not None
    assert "pid" in ours.owner
    assert nobodys.owner is None


def test_this_machine_can_be_looked_at() -> None:
    """Every fact is had or None, and the rows can be made; how fit it is, is its own affair."""
    facts = look_at_machine()
    assert facts.versions["locust"]
    assert len(machine_rows(facts)) == 10
