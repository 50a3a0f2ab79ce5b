"""The web UI in a real browser: log in, choose, start, watch, stop, read the report, and all of it again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from werkzeug.security import generate_password_hash

from ...report.browser import Tab
from .page import BOUND_S, Page

pytestmark = pytest.mark.end_to_end
KEY = "sk-this-must-be-on-no-page-0123456789"


@pytest.fixture
def page(serve: Callable, tab: Tab, port: int) -> Page:
    """A web UI that asks for a password."""
    environ = {
        "TOKENSWARM_WEB_USER": "me",
        "TOKENSWARM_WEB_PASSWORD_HASH": generate_password_hash("right"),
        "TOKENSWARM_API_KEY": KEY,
    }
    serve("stress", "--time-scale", "0.2", "--web-login", environ=environ)
    return Page(tab, f"http://127.0.0.1:{port}")


def state_of(reports: Path, profile: str) -> str:
    """How far the run of that profile has come, as its folder says."""
    for file in reports.glob(f"*-{profile}/run.json"):
        return str(json.loads(file.read_text())["state"])
    return "not begun"


def test_two_runs_from_login_to_report(page: Page, tmp_path: Path) -> None:
    """The chosen profile is what runs, its figures move, and each run has its own report."""
    page.go("/")
    page.await_text("LOGIN")
    page.fill(username="me", password="wrong")
    page.click("login")
    page.await_text("Wrong user or password")
    page.fill(username="me", password="right")
    page.click("login")
    page.await_text("Start new load test")
    assert KEY not in page.source

    page.fill(loadProfile="spike", promptMix="100/0/0", streaming="100%")
    page.click("start")
    page.click("llm")
    first = page.await_text(r"ttft\s[^\n]*?(\d+)\s*\n")
    assert "spike against" in page.text
    assert "latency: p(95) < 500ms" in page.text
    seen = page.await_text(r"requests?_rate|request_rate")
    assert seen
    deadline_s = time.monotonic() + BOUND_S
    while (now := page.await_text(r"ttft\s[^\n]*?(\d+)\s*\n"))[1] == first[1]:
        assert time.monotonic() < deadline_s, page.text
        time.sleep(0.1)  # polling for an event, bounded above
    assert int(now[1]) > int(first[1])
    page.await_text(r"Target\s+target_memory\s+\d+(\.\d+)?MB")
    assert "EDIT" not in page.text  # the profile says how many users there are
    page.click("stop")
    page.await_text(r"(?i)stopped")
    page.await_text(r"-spike: .*(INTERRUPTED|INVALID|FAIL)")  # without a look at any other tab
    page.click("open report")
    page.await_text(r"INTERRUPTED|INVALID|FAIL")
    (folder,) = (tmp_path / "kept").glob("*-spike")
    profile = json.loads((folder / "run.json").read_text())["profile"]["resolved"]
    assert profile["prompts"] == {"short": 100, "medium": 0, "long": 0}
    assert profile["streaming"] == 1.0

    page.go("/")
    page.click("new")
    page.await_text("Start new load test|Start")
    # What the form is for is unfolded, in this dialog too, and targets are suggested by name.
    page.await_that("document.querySelector('.MuiModal-root .Mui-expanded [name=loadProfile]') !== null")
    assert "litellm" in page.evaluate(
        "[...document.querySelector('[name=target]').list.options].map(o => o.value)"
    )
    page.fill(loadProfile="smoke", promptMix="", streaming="")
    page.click("start")
    deadline_s = time.monotonic() + BOUND_S
    while state_of(tmp_path / "kept", "smoke") != "finished":
        assert time.monotonic() < deadline_s, page.text
        time.sleep(0.1)  # polling for an event, bounded above
    page.go("/stats/report")
    page.await_text("smoke")


def test_other_sites_and_wrong_choices_start_nothing(page: Page, tmp_path: Path) -> None:
    """A form that another origin's page sends, a name that somebody else made lead here, and who isn't in."""
    with httpx.Client(base_url=page.url, timeout=20) as client:
        form = {"load_profile": "smoke", "user_count": "1", "spawn_rate": "1"}
        assert client.post("/swarm", data=form).status_code == 302  # to the login
        # Nor does who isn't in learn which profiles there are.
        assert client.post("/swarm", data={**form, "load_profile": "smok"}).status_code == 302
        client.post("/tokenswarm/login", data={"username": "me", "password": "right"})
        other = {"Origin": "http://evil.example"}
        assert client.post("/swarm", data=form, headers=other).status_code == 403
        assert client.post("/swarm", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        for host in ("evil.example", "127.0.0.1.evil.example"):
            assert client.get("/", headers={"Host": host}).status_code == 403
        own = {"Origin": page.url}
        answer = client.post("/swarm", data={**form, "load_profile": "smok"}, headers=own)
        assert answer.json()["success"] is False
        assert "did you mean smoke" in answer.json()["message"]
        answer = client.post("/swarm", data={**form, "prompt_mix": "1/2"}, headers=own)
        assert "such as 30/50/20" in answer.json()["message"]
        stats = client.get("/stats/requests")
        assert stats.json()["state"] == "ready"
        assert "Access-Control-Allow-Origin" not in stats.headers
    assert not list((tmp_path / "kept").iterdir())
