"""Open files and local ports: enough, enough once raised, or too few."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.limits import MachineLimits, check_limits

ROOMY = MachineLimits(open_files_soft=65536, open_files_hard=65536, local_ports=28232)
RAISE = """
import resource
from tokenswarm.launch.limits import check_limits
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
assert check_limits(200, 2, has_mock=True) == []
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_a_roomy_machine_has_nothing_to_say() -> None:
    """The usual case."""
    assert check_limits(1000, 1, has_mock=True, limits=ROOMY) == []


def test_the_soft_limit_of_open_files_is_raised_where_that_is_allowed() -> None:
    """In a process of its own, since it stays raised: children inherit it."""
    done = subprocess.run([sys.executable, "-c", RAISE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 200


@pytest.mark.parametrize(
    ("connections", "workers", "has_mock", "is_enough"),
    [
        (896, 1, False, True),  # and 128 other files are 1,024
        (897, 1, False, False),
        (1792, 2, False, True),
        (1793, 2, False, False),
        (1792, 2, True, False),  # the mock holds them all
    ],
)
def test_open_files_are_counted_for_the_fullest_process(
    connections: int, workers: int, has_mock: bool, is_enough: bool
) -> None:
    """Workers share the users; the embedded mock has them all."""
    tight = MachineLimits(open_files_soft=1024, open_files_hard=1024, local_ports=None)
    if is_enough:
        assert check_limits(connections, workers, has_mock=has_mock, limits=tight) == []
        return
    with pytest.raises(ConfigurationError, match=r"open files: .* this system allows 1024; .*ulimit") as told:
        check_limits(connections, workers, has_mock=has_mock, limits=tight)
    assert ("more workers" in str(told.value)) is not has_mock


def test_a_system_without_limits_is_fine() -> None:
    """macOS has no /proc, and `unlimited` is a limit too."""
    assert check_limits(10**6, 1, has_mock=False, limits=MachineLimits(None, None, None)) == []


def test_local_ports_warn_before_they_run_out() -> None:
    """Beyond 80% a reconnect may find none; beyond all of them it is certain."""
    ports = MachineLimits(open_files_soft=None, open_files_hard=None, local_ports=1000)
    assert check_limits(800, 1, has_mock=False, limits=ports) == []
    (warning,) = check_limits(801, 1, has_mock=False, limits=ports)
    assert "801 connections to one address, and this machine has 1000 local ports" in warning
    assert "ip_local_port_range" in warning
    with pytest.raises(ConfigurationError, match=r"local ports: 1001 connections .* fewer users"):
        check_limits(1001, 4, has_mock=False, limits=ports)


def test_this_machine_can_be_read() -> None:
    """Whatever it allows, a handful of connections is no problem."""
    limits = MachineLimits.read()
    assert limits.open_files_soft is None or limits.open_files_soft > 0
    assert check_limits(5, 1, has_mock=False) == []
