"""The page in a real browser, where there is one: charts are drawn, and nothing complains."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.report.write import write_reports

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.mark.end_to_end
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_a_browser_draws_the_charts_without_a_complaint(
    make_run: Callable[..., Path], tmp_path: Path, scheme: int
) -> None:
    """The policy that forbids the network must not forbid Bokeh what it needs."""
    folder = make_run(incident_share=0.3)
    write_reports(folder)
    shot = tmp_path / "shot.png"
    # A browser writes on, and may start helpers that outlive it: its output goes to a file, not a pipe.
    log = tmp_path / "log"
    with log.open("wb") as out:
        subprocess.run(
            [
                str(CHROMIUM),
                "--headless",
                "--no-sandbox",
                *QUIET,
                f"--user-data-dir={tmp_path / 'browser'}",
                "--window-size=390,3000",
                f"--blink-settings=preferredColorScheme={scheme}",
                "--virtual-time-budget=8000",
                "--enable-logging=stderr",
                f"--screenshot={shot}",
                f"file://{folder / 'report.html'}",
            ],
            stderr=out,
            stdout=out,
            timeout=120,
            check=True,
        )
    said = [line for line in log.read_text(errors="replace").splitlines() if "CONSOLE" in line]
    assert any("document idle" in line for line in said), said
    # Bokeh measures what it resizes; browsers mention that as a notice.
    assert not [line for line in said if "document idle" not in line and "ResizeObserver" not in line]
    assert shot.stat().st_size > 50_000
