"""What tokenswarm adds to Locust's page in the browser itself: a script and a style, put into its head.

Locust's page keeps a point of each chart for each poll for ever, doesn't notice that its server is gone or is
another one by now, and asks nothing any more once a run has ended, so that it never hears of the report.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import flask
from locust.web import WebUI

from tokenswarm.swarm.options import is_web

_BROWSER: Final = Path(__file__).with_name("browser")
_NOW: Final = "/tokenswarm/now"
_HEAD_END: Final = "</head>"
_CLASS: Final = (
    "tokenswarm-web"  # of the page's root, where the profile and not Locust's fields says how many
)


def add_to_page(web_ui: WebUI, now: Callable[[], dict[str, Any]], targets: Sequence[str]) -> None:
    """`now` tells the script how things stand, page.js knows its keys; `targets` are offered by name."""
    assert web_ui.app is not None
    script = (_BROWSER / "page.js").read_text(encoding="utf-8")
    style = (_BROWSER / "page.css").read_text(encoding="utf-8")
    root = f"document.documentElement.classList.add('{_CLASS}');" if is_web() else ""
    if is_web():
        offered = json.dumps(targets).replace("<", "\\u003c")  # which could end the script
        root += f"document.documentElement.dataset.targets = JSON.stringify({offered});"
    added = f"<style>{style}</style><script>{root}{script}</script>{_HEAD_END}"
    server = secrets.token_hex(8)  # another one after a restart: what the page shows is then of no server

    def tell() -> flask.Response:
        return flask.jsonify({"server": server, **now()})

    def add(response: flask.Response) -> flask.Response:
        if flask.request.endpoint == "locust.index" and response.status_code == 200:
            response.set_data(response.get_data(as_text=True).replace(_HEAD_END, added, 1))
        return response

    web_ui.app.add_url_rule(_NOW, view_func=web_ui.auth_required_if_enabled(tell))
    web_ui.app.after_request(add)
