"""The web UI as a person has it before them, in one tab of a browser."""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import Any

from ...report.browser import Tab

BOUND_S = 60
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

    def evaluate(self, expression: str) -> Any:
        return self._tab.evaluate(expression)

    def await_that(self, expression: str) -> None:
        """Until it is true; a page that is being loaded may not say."""
        deadline_s = time.monotonic() + BOUND_S
        while True:
            with contextlib.suppress(AssertionError):
                if self._tab.evaluate(expression):
                    return
            assert time.monotonic() < deadline_s, f"{expression} is not so: {self.text}"
            time.sleep(0.1)  # polling for an event, bounded above
