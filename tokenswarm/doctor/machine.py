"""What this machine's facts mean for a load generator: facts in, rows out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tokenswarm.doctor.row import Row, fault, ok, warning
from tokenswarm.launch.limits import MEND_FILES, MEND_PORTS, OTHER_FILES, MachineLimits

# What tokenswarm binds to unless told otherwise → whose it is, and how to take another.
PORTS: Final[Mapping[int, str]] = {
    5557: "a master with --expect-workers listens here: end that program, or give master and workers --port",
    8089: "Locust's web UI listens here: end that program, or give it --web-port",
}
_FEW_FILES: Final = 4096
_FEW_PORTS: Final = 10_000
_LITTLE_MEMORY_BYTES: Final = 512 * 1024**2
# Read without a system call: every call of a run looks at the clock some ten times.
_QUICK_CLOCKS: Final = frozenset(
    {
        "tsc",
        "kvm-clock",
        "arch_sys_counter",
        "hyperv_clocksource_tsc_page",
        "timebase",
        "tod",
        "riscv_clocksource",
    }
)
_REQUIREMENT: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?P<limits>[<>=!~0-9.,\s]*)(?P<marker>;.*)?$")
_LIMIT: Final = re.compile(r"(>=|<)\s*([0-9.]+)")


@dataclass(frozen=True, slots=True)
class PortFact:
    """`owner` is None if the port is free, and empty if this system doesn't tell who has it."""

    number: int
    owner: str | None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What probing found. `machine` is what run.json calls environment; None where a fact can't be had."""

    tokenswarm: str
    machine: Mapping[str, Any]
    requirements: Sequence[str]  # of the installed package, as its metadata has them
    versions: Mapping[str, str | None]  # of what it requires; None: not installed
    limits: MachineLimits
    ports: Sequence[PortFact]
    clock_source: str | None
    has_kernel_stamps: bool


def machine_rows(facts: MachineFacts) -> list[Row]:
    """In the order in which a person would ask."""
    machine = facts.machine
    return [
        ok("Python", f"{machine['python']} on {machine['platform']}"),
        _packages(facts),
        _cores(machine),
        _memory(machine),
        _open_files(facts.limits),
        _local_ports(facts.limits.local_ports),
        *map(_port, facts.ports),
        _clock(facts.clock_source),
        _kernel_stamps(has_them=facts.has_kernel_stamps),
    ]


def _packages(facts: MachineFacts) -> Row:
    wrong = [said for line in facts.requirements if (said := _unmet(line, facts.versions))]
    if wrong:
        return fault("packages", "; ".join(wrong), "install tokenswarm anew, into an environment of its own")
    machine = facts.machine
    shown = f"tokenswarm {facts.tokenswarm}, Locust {machine['locust']}, gevent {machine['gevent']}"
    return ok("packages", shown)


def _unmet(requirement: str, versions: Mapping[str, str | None]) -> str:
    """What is wrong with `locust<3,>=2.47`; empty if nothing is, or it is for development only."""
    parts = _REQUIREMENT.match(requirement)
    if parts is None or "extra" in (parts["marker"] or ""):
        return ""
    version = versions.get(parts["name"])
    if version is None:
        return f"{parts['name']} is not installed"
    for sign, limit in _LIMIT.findall(parts["limits"]):
        is_at_least = _numbers(version) >= _numbers(limit)
        if is_at_least != (sign == ">="):
            return f"{parts['name']} is {version}, need {parts['limits'].strip()}"
    return ""


def _numbers(version: str) -> list[int]:
    """3.0 and 3 are the same; `rc1` and the like at the end don't count."""
    leading = re.match(r"[0-9.]*", version)
    numbers = [int(part) for part in (leading[0] if leading else "").split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _cores(machine: Mapping[str, Any]) -> Row:
    cores, limit = machine["cores"], machine["cpu_limit_cores"]
    usable = min(float(cores or 1), limit if limit is not None else float("inf"))
    shown = f"{cores}: {machine['cpu'] or 'of an unknown kind'}"
    if limit is not None and cores is not None and limit < cores:
        shown += f", of which a container may use {limit:g}"
    if usable < 2:
        return warning(
            "cores",
            shown,
            "load generator and embedded mock share one core: aim at a target elsewhere, with modest load",
        )
    return ok("cores", shown)


def _memory(machine: Mapping[str, Any]) -> Row:
    whole, limit = machine["memory_bytes"], machine["memory_limit_bytes"]
    usable = min(whole, limit) if limit is not None else whole
    shown = f"{usable / 1024**3:.1f} GiB" + (" (of a container)" if usable < whole else "")
    if usable < _LITTLE_MEMORY_BYTES:
        return warning("memory", shown, "each worker takes about 150 MB: give the container more of it")
    return ok("memory", shown)


def _open_files(limits: MachineLimits) -> Row:
    hard, soft = limits.open_files_hard, limits.open_files_soft
    if hard is None:
        return ok("open files", "without limit")
    shown = f"{hard:,} at most, {_plain(soft)} now"
    if hard <= OTHER_FILES:
        return fault("open files", shown, MEND_FILES)
    if hard < _FEW_FILES:
        return warning("open files", f"{shown}: {hard - OTHER_FILES:,} connections", MEND_FILES)
    return ok("open files", shown + ("; a run raises it as it needs" if soft is None or soft < hard else ""))


def _plain(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,}"


def _local_ports(ports: int | None) -> Row:
    if ports is None:
        return ok("local ports", "this system doesn't say how many")
    shown = f"{ports:,} to one address"
    return ok("local ports", shown) if ports >= _FEW_PORTS else warning("local ports", shown, MEND_PORTS)


def _port(port: PortFact) -> Row:
    name = f"port {port.number}"
    if port.owner is None:
        return ok(name, "free")
    return warning(name, f"taken by {port.owner or 'another user’s program'}", PORTS[port.number])


def _clock(source: str | None) -> Row:
    if source is None:
        return ok("clock source", "this system doesn't say which")
    if source in _QUICK_CLOCKS:
        return ok("clock source", source)
    return warning(
        "clock source",
        f"{source}: slow to read",
        "times are right, but a core carries less; tsc can be chosen where the processor's is stable:"
        " /sys/devices/system/clocksource/clocksource0/available_clocksource",
    )


def _kernel_stamps(*, has_them: bool) -> Row:
    if has_them:
        return ok("kernel timestamps", "SO_TIMESTAMPNS works: a busy worker is not taken for a slow target")
    return warning(
        "kernel timestamps",
        "the kernel doesn't say when bytes arrived: times are those of our reads",
        "load from Linux itself, not from a sandbox; or keep workers below half a core with --workers N",
    )
