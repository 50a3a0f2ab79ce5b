"""What all tests share: golden files, compared or written anew with --refresh-golden; and who runs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GoldenCheck = Callable[[Path, str], None]
# What shares a costly session fixture: a LiteLLM, an environment with everything installed. By path, since
# pytest-xdist 3.8 doesn't see marks of groups any more where pytest is 9.2 or newer.
ON_ONE_WORKER = ("tests/end_to_end/gateways/", "tests/deploy/test_installed.py")
# Ten seconds and more each, of parts that few changes touch. They run with --long, as in CI, and when named.
LONG = (
    "tests/ci/test_workflow.py",
    "tests/deploy/test_installed.py",
    "tests/end_to_end/exporters/",
    "tests/end_to_end/fleet/test_fleet.py::test_a_second_master_on_a_port_that_is_taken",
    "tests/end_to_end/fleet/test_fleet.py::test_a_worker_that_begins_late",
    "tests/end_to_end/fleet/test_fleet.py::test_nothing_that_a_peer_sends",
    "tests/end_to_end/fleet/test_fleet.py::test_workers_stop_when_their_master_is_gone",
    "tests/end_to_end/fleet/test_fleet_machines.py",
    "tests/end_to_end/fleet/test_walk.py::test_a_reader",
    "tests/end_to_end/gateways/",
    "tests/end_to_end/test_ab.py",
    "tests/end_to_end/test_coverage.py::test_every_command_does_its_work",
    "tests/end_to_end/test_failover.py",
    "tests/end_to_end/test_overhead_truth.py",
    "tests/end_to_end/test_suite_run.py",
    "tests/end_to_end/test_websocket.py::test_the_shipped_profile_holds_its_connections",
    "tests/end_to_end/web/",
    "tests/swarm/test_soak_memory.py",
    "tests/transport/test_transport_hostile.py::test_ten_thousand_bad_answers_leave_nothing_behind",
)


def pytest_configure() -> None:
    """Runs that tests make must not write on our own CI's job page, nor hear what our `make` was told."""
    for name in (
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
    ):
        os.environ.pop(name, None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For --dist loadgroup: what shares something goes to one worker, all else to whichever is free."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPath(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((path for path in ON_ONE_WORKER if nodeid.startswith(path)), nodeid)

    return ByPath(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long ones out, and count them as left out, unless they were asked for."""
    if config.getoption("--long") or config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    left_out = [item for item in items if item.nodeid.startswith(LONG)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.nodeid.startswith(LONG)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the tests that take longest, too")
    parser.addoption(
        "--refresh-golden",
        action="store_true",
        help="write what the code gives now into the golden files; review the diff before committing",
    )
    parser.addoption(
        "--accuracy-rounds",
        type=int,
        default=1,
        help="how many times as many calls tests/end_to_end/test_accuracy.py compares with the truth",
    )


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> GoldenCheck:
    """A function (path, text): fails unless the golden file holds exactly that text, or writes it."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--refresh-golden"):
            path.write_text(text, encoding="utf-8", newline="")
        assert path.is_file(), f"no golden file {path.name}: write it with pytest --refresh-golden"
        assert text == path.read_bytes().decode("utf-8"), (
            f"{path.name} differs; if that is meant, run pytest --refresh-golden"
        )

    return check
