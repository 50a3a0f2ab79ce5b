"""A `tokenswarm web` that answers, and a browser beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tokenswarm.loopback import free_port

from ...report.browser import CHROMIUM, Tab, tab_of_chromium


class SlowGit(NamedTuple):
    """A git that never ends the first time it is asked what is being tested, and makes a file then."""

    environ: dict[str, str]
    asked: Path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where run folders go."""
    return tmp_path / "kept"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serve(start: Callable, kept: Path, port: int) -> Callable[..., Any]:
    """Starts `tokenswarm web ARGUMENTS`; returns it once it answers at `port`."""

    def begin(*arguments: str, **options: Any) -> Any:
        web = start("web", *arguments, "--web-port", str(port), "--reports", str(kept), **options)

        def answers() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"http://127.0.0.1:{port}/login", timeout=2).status_code < 400
            return False

        web.await_that(answers)
        return web

    return begin


@pytest.fixture
def slow_git(tmp_path: Path) -> SlowGit:
    """A run that starts with it waits for 5 s, and goes on without it."""
    git = tmp_path / "slow" / "git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\n[ -e $0.asked ] || { echo > $0.asked; exec sleep 60; }\n")
    git.chmod(0o755)
    return SlowGit({"PATH": f"{git.parent}:{os.environ['PATH']}"}, git.with_name("git.asked"))


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    """Of a headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    browser = tmp_path / "browser"
    browser.mkdir()
    with tab_of_chromium(browser) as one:
        yield one
