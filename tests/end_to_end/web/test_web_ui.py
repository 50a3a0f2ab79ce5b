"""The web UI in a real browser: log in, choose, start, watch, stop, read the report, and all of it again."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from werkzeug.security import generate_password_hash

from tokenswarm.loopback import free_port

from ...report.browser import CHROMIUM, Tab, tab_of_chromium

pytestmark = pytest.mark.end_to_end
BOUND_S = 60
KEY = "sk-this-must-be-on-no-page-0123456789"
SET_FIELD = """((name, value) => {
  const field = document.querySelector(`[name=${name}]`);
  const kind = field instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(field, value);
  field.dispatchEvent(new Event(kind === HTMLSelectElement ? 'change' : 'input', {bubbles: true}));
})"""
CLICK = """((words) => {
  const seen = [...document.querySelectorAll('button, a, [role=tab]')];
  const found = seen.find(each => each.innerText.trim().toLowerCase() === words.toLowerCase());
  if (found) found.click();
  return Boolean(found);
})"""


class Page:
    """What a person sees and does."""

    def __init__(self, tab: Tab, url: str) -> None:
        self._tab = tab
        self.url = url
        tab.ask(
            "Emulation.setDeviceMetricsOverride", width=1280, height=1400, deviceScaleFactor=1, mobile=False
        )

    def go(self, path: str) -> None:
        self._tab.ask("Page.navigate", url=self.url + path)

    @property
    def text(self) -> str:
        with contextlib.suppress(AssertionError):  # between two pages there is none
            return str(self._tab.evaluate("document.body?.innerText ?? ''"))
        return ""

    @property
    def source(self) -> str:
        return str(self._tab.evaluate("document.documentElement.outerHTML"))

    def await_text(self, pattern: str) -> re.Match[str]:
        deadline_s = time.monotonic() + BOUND_S
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline_s, f"{pattern} is not in: {self.text}"
            time.sleep(0.1)  # polling for an event, bounded above
        return found

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self._tab.evaluate(f"{SET_FIELD}({json.dumps(name)}, {json.dumps(value)})")

    def click(self, words: str) -> None:
        deadline_s = time.monotonic() + BOUND_S
        while not self._tab.evaluate(f"{CLICK}({json.dumps(words)})"):
            assert time.monotonic() < deadline_s, f"there is no {words} in: {self.text}"
            time.sleep(0.1)  # polling for an event, bounded above


@pytest.fixture
def page(start: Callable, tmp_path: Path) -> Iterator[Page]:
    """A web UI that asks for a password, in a browser."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    port = free_port()
    environ = {
        "TOKENSWARM_WEB_USER": "me",
        "TOKENSWARM_WEB_PASSWORD_HASH": generate_password_hash("right"),
        "TOKENSWARM_API_KEY": KEY,
    }
    reports = tmp_path / "kept"
    web = start(
        *("web", "stress", "--time-scale", "0.2", "--web-port", str(port), "--web-login"),
        *("--reports", str(reports)),
        environ=environ,
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(url + "/login", timeout=2).is_success
        return False

    web.await_that(answers)
    browser = tmp_path / "browser"
    browser.mkdir()
    with tab_of_chromium(browser) as tab:
        yield Page(tab, url)


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
    page.click("stop")
    page.await_text(r"(?i)stopped")
    page.go("/stats/report")
    page.await_text(r"INTERRUPTED|INVALID|FAIL")
    (folder,) = (tmp_path / "kept").glob("*-spike")
    profile = json.loads((folder / "run.json").read_text())["profile"]["resolved"]
    assert profile["prompts"] == {"short": 100, "medium": 0, "long": 0}
    assert profile["streaming"] == 1.0

    page.go("/")
    page.click("new")
    page.await_text("Start new load test|Start")
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
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
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
