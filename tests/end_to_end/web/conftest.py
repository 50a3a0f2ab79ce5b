"""A `tokenswarm web` that answers, and a browser beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tokenswarm.loopback import free_port

from ...report.browser import CHROMIUM, Tab, tab_of_chromium


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
def tab(tmp_path: Path) -> Iterator[Tab]:
    """Of a headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    browser = tmp_path / "browser"
    browser.mkdir()
    with tab_of_chromium(browser) as one:
        yield one
