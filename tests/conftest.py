"""What all tests share: golden files, compared or written anew with --refresh-golden."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GoldenCheck = Callable[[Path, str], None]


def pytest_configure() -> None:
    """Our own CI's job page is for our own CI: runs that tests make must not write on it."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        os.environ.pop(name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-golden",
        action="store_true",
        help="write what the code gives now into the golden files; review the diff before committing",
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
