"""A headless Chromium, driven over its remote debugging protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import websocket

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_START_S = 30.0
# What a page says, and what it asks for.
_COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
_KEYS = {"Enter": ("Enter", 13, "\r"), "ArrowRight": ("ArrowRight", 39, ""), "Escape": ("Escape", 27, "")}


class Tab:
    """The one tab of a browser."""

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, timeout=30)
        self._sent = 0
        self._seen: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        """The answer to one command."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv())).get("id") != self._sent:
            self._seen.append(message)
        assert "error" not in message, (method, message["error"])
        return message["result"]

    def open(self, file: Path, *, width: int = 1280, scheme: str = "light", scripts: bool = True) -> Self:
        """Load a page, and wait until it is complete."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.emulate(scheme)
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self._seen.clear()
        self.ask("Page.navigate", url=file.as_uri())
        deadline = time.monotonic() + 30
        while not any(event.get("method") == "Page.loadEventFired" for event in self._seen):
            assert time.monotonic() < deadline, "the page was not loaded"
            self._seen.append(json.loads(self._socket.recv()))
        return self

    def emulate(self, scheme: str, medium: str = "") -> None:
        """Prefer light or dark, on screen or on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features, media=medium)

    @property
    def complaints(self) -> list[Mapping[str, Any]]:
        """Errors and whatever else the page wrote to the console."""
        self.evaluate("1")  # whatever is under way comes before its answer
        return [event for event in self._seen if event.get("method") in _COMPLAINTS]

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for."""
        sent = [event for event in self._seen if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def evaluate(self, expression: str) -> Any:
        """A JavaScript expression's value."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def drag(self, x: float, y: float, to_x: float) -> None:
        """Press the button, move and release it."""
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseMoved", (x + to_x) / 2, y, buttons=1)
        self.mouse("mouseMoved", to_x, y, buttons=1)
        self.mouse("mouseReleased", to_x, y)

    def mouse(self, kind: str, x: float, y: float, buttons: int = 0) -> None:
        """One event of the mouse."""
        button = "none" if kind == "mouseMoved" and not buttons else "left"
        self.ask(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1
        )

    def press(self, key: str) -> None:
        """A key, down and up."""
        name, code, text = _KEYS.get(key, (key, ord(key[0]), key))
        key_of = {"key": name, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **key_of)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **key_of)

    def pdf(self) -> bytes:
        """The page as it would be printed."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def tab_of_chromium(folder: Path) -> Iterator[Tab]:
    """A browser of its own, with its files in that folder."""
    with (
        # What it keeps elsewhere would stay in /tmp. Not that folder: the path of a socket must be short.
        tempfile.TemporaryDirectory(prefix="tokenswarm-", ignore_cleanup_errors=True) as elsewhere,
        # It may start helpers that outlive it: its output goes to a file, not to a pipe.
        (folder / "log").open("wb") as log,
    ):
        process = subprocess.Popen(
            [str(CHROMIUM), *_QUIET, f"--user-data-dir={folder}", "about:blank"],
            env={**os.environ, "TMPDIR": elsewhere},
            stdout=log,
            stderr=log,
        )
        try:
            port = _port(folder / "DevToolsActivePort", process)
            pages = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False, timeout=30).json()
            tab = Tab(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))
            try:
                yield tab
            finally:
                tab.close()
        finally:
            process.terminate()
            process.wait(30)


def _port(file: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        if file.is_file() and "\n" in (text := file.read_text()):
            return text.split("\n")[0]
        time.sleep(0.02)
    raise AssertionError(f"Chromium does not say its port; it ended with {process.poll()}")
