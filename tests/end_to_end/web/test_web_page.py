"""What happens to a tab that is left open: over a long run, over its end, and when the server is gone."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

from ...report.browser import Tab
from .conftest import SlowGit
from .page import BOUND_S, Page

pytestmark = pytest.mark.end_to_end
# Timers of a second and more run fifty times as fast, and polls are counted. Else the page is as it is.
HURRY = """
const after = window.setInterval, ask = window.fetch;
window.polls = 0;
window.setInterval = (act, ms, ...more) => after(act, ms >= 1000 ? ms / 50 : ms, ...more);
window.fetch = (...asked) => {
  if (String(asked[0]?.url ?? asked[0]).includes("stats/requests")) window.polls += 1;
  return ask(...asked);
};
"""
AN_HOUR_LATER = "const now = performance.now.bind(performance); performance.now = () => now() + 3600e3;"
WARM_POLLS, POLLS = 60, 300
# A day of polls each 2 s would be 43,200; the page is loaded anew after an hour, 1,800 of them.
MOST_BYTES_A_POLL = 20_000


def held_by(tab: Tab) -> dict[str, float]:
    tab.ask("HeapProfiler.collectGarbage")
    return {one["name"]: one["value"] for one in tab.ask("Performance.getMetrics")["metrics"]}


def await_polls(page: Page, polls: int) -> None:
    """How fast they come is for the machine to say; that they come is not."""
    made, deadline_s = 0, time.monotonic() + BOUND_S
    while made < polls:
        if (now := page.evaluate("window.polls")) > made:
            made, deadline_s = now, time.monotonic() + BOUND_S
        assert time.monotonic() < deadline_s, page.text
        time.sleep(0.1)  # polling for an event, bounded above


def test_a_tab_left_open_over_a_soak_stays_as_large_as_it_was(serve: Callable, tab: Tab, port: int) -> None:
    """Nodes don't become more; what charts keep for each poll is given back each hour, in place."""
    serve("soak", environ={"SOAK_DURATION": "1h"})
    page = Page(tab, f"http://127.0.0.1:{port}")
    page.go("/")
    page.await_text("Start new load test")
    page.click("start")
    page.await_text(r"Users\s+[1-9]")
    tab.ask("Performance.enable")
    hurry = tab.ask("Page.addScriptToEvaluateOnNewDocument", source=HURRY)["identifier"]
    page.go("/?tab=llm")
    page.await_text("soak against")
    await_polls(page, WARM_POLLS)
    before = held_by(tab)
    await_polls(page, WARM_POLLS + POLLS)
    after = held_by(tab)
    assert after["Nodes"] <= 1.5 * before["Nodes"]
    assert after["JSEventListeners"] <= 1.5 * before["JSEventListeners"]
    assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] <= POLLS * MOST_BYTES_A_POLL

    tab.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=hurry)
    page.go("/?tab=llm")
    page.await_text("soak against")
    page.evaluate(f"window.isOld = true; {AN_HOUR_LATER}")
    page.await_that("!window.isOld")
    page.await_text("soak against")
    page.click("stop")
    page.await_text(r"Status\s+STOPPED")


def test_the_page_says_that_the_server_is_gone_and_takes_up_the_next_one(
    serve: Callable, tab: Tab, port: int
) -> None:
    """With the next one's form: its embedded mock is another."""
    first = serve("smoke")
    page = Page(tab, f"http://127.0.0.1:{port}")
    page.go("/")
    page.await_text("Start new load test")
    target = page.evaluate("document.querySelector('[name=target]').value")
    first.send(signal.SIGTERM)
    assert first.wait().code == 0
    page.await_text("No answer from the server since")
    serve("smoke", "--time-scale", "0.1")
    page.await_that(f"![null, '{target}'].includes(document.querySelector('[name=target]')?.value ?? null)")
    page.await_text("Start new load test")
    assert "No answer from the server" not in page.text
    page.click("start")
    page.await_text(r"-smoke: \w+: ")


def test_the_page_comes_to_the_end_of_a_run_whose_calls_last_long(
    serve: Callable, tab: Tab, port: int, kept: Path, tmp_path: Path
) -> None:
    """Locust's own asks no more while calls in flight are waited for, and would say CLEANUP for ever."""
    profile = tmp_path / "slow.yaml"
    profile.write_text("stages: [{name: steady, duration: 2s, users: 2}]\nstreaming: 0%\n")
    with MockProcess(MockOptions(ttft="6000", itl="0", tokens="2")) as mock:
        serve(str(profile), "--target", mock.url, "--model", "mock")
        page = Page(tab, f"http://127.0.0.1:{port}")
        page.go("/")
        page.await_text("Start new load test")
        page.click("start")
        page.await_text("The target is being asked")
        assert httpx.post(f"{page.url}/swarm", data={"seed": "2"}, timeout=BOUND_S).json()["success"] is False
        page.await_text(r"Users\s+[1-9]")
        assert len(list(kept.iterdir())) == 1
        page.await_text(r"-slow: \w+: ")
        page.await_text(r"Status\s+STOPPED")


def test_a_tab_with_the_form_is_told_of_the_run_that_another_one_started(
    serve: Callable, tab: Tab, port: int, slow_git: SlowGit
) -> None:
    """Locust's page asks for nothing before its own start; and until the first users come it shows no run."""
    # The page asks every 2 s, or later where the machine is busy, and must find the run still going on.
    serve("smoke", "--time-scale", "0.7", environ=slow_git.environ)
    page = Page(tab, f"http://127.0.0.1:{port}")
    page.go("/")
    page.await_text("Start new load test")
    asked = {"load_profile": "smoke"}
    assert httpx.post(f"{page.url}/swarm", data=asked, timeout=BOUND_S).json()["success"] is True
    page.await_text("A run is about to begin")
    assert "Show it" not in page.text
    page.await_text("A run is going on")
    page.click("show it")
    page.await_text(r"-smoke: \w+: ")
    page.await_text(r"Status\s+STOPPED")
