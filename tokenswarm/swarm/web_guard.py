"""Who may use the web UI: nobody from another site, and with --web-login only who knows the password."""

from __future__ import annotations

import os
import secrets
from typing import Any, Final
from urllib.parse import urlsplit

import flask
import flask_login
from locust.web import WebUI
from werkzeug.security import check_password_hash

from tokenswarm.errors import ConfigurationError
from tokenswarm.loopback import is_loopback

USER: Final = "TOKENSWARM_WEB_USER"
PASSWORD_HASH: Final = "TOKENSWARM_WEB_PASSWORD_HASH"  # noqa: S105 - a variable's name
_LOGIN: Final = "/tokenswarm/login"
_MOST_POSTED: Final = 1_000_000  # bytes; a form has some hundred


class _User(flask_login.UserMixin):  # type: ignore[misc]  # flask_login has no annotations
    def __init__(self, name: str) -> None:
        self.id = name


def guard(web_ui: WebUI) -> None:
    """Refuse requests that another site's page makes. Locust itself lets every page start a run."""
    is_local = is_loopback(web_ui.host)
    assert web_ui.app is not None
    web_ui.app.config["MAX_CONTENT_LENGTH"] = _MOST_POSTED

    def refuse_others() -> Any:
        host = urlsplit(f"//{flask.request.host}").hostname or ""
        if is_local and not is_loopback(host):
            # A name of somebody else's that leads here makes his page and ours one site to a browser.
            return flask.make_response("this server is for its own machine only\n", 403)
        origin = flask.request.headers.get("Origin")
        is_own = origin is None or urlsplit(origin).netloc == flask.request.host
        if not is_own or flask.request.headers.get("Sec-Fetch-Site") == "cross-site":
            return flask.make_response("requests from other sites are refused\n", 403)
        return None

    def close_doors(response: flask.Response) -> flask.Response:
        # Locust allows every site to read.
        for name in [name for name, _ in response.headers if name.startswith("Access-Control-")]:
            del response.headers[name]
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    web_ui.app.before_request(refuse_others)
    # The first of the list is the last to look, after flask-cors, which Locust has put there.
    web_ui.app.after_request_funcs.setdefault(None, []).insert(0, close_doors)


def add_login(web_ui: WebUI) -> None:
    """One user, whose name and password's hash are in the environment; ConfigurationError without them."""
    name, hashed = os.environ.get(USER), os.environ.get(PASSWORD_HASH)
    if not name or not hashed or "$" not in hashed:
        raise ConfigurationError(
            f"--web-login: set {USER} and {PASSWORD_HASH}; `tokenswarm web-password` makes the hash"
        )
    assert web_ui.app is not None
    web_ui.app.secret_key = secrets.token_bytes(32)
    web_ui.app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Strict")
    web_ui.auth_args = {"username_password_callback": _LOGIN}
    web_ui.login_manager.user_loader(lambda id_: _User(id_) if id_ == name else None)

    def log_in() -> Any:
        given = flask.request.form.get("username", "")
        # Both are looked at: an answer that comes sooner would tell which one was wrong.
        is_right = check_password_hash(hashed, flask.request.form.get("password", ""))
        if not (secrets.compare_digest(given.encode(), name.encode()) and is_right):
            flask.session["auth_error"] = "Wrong user or password"
            return flask.redirect(flask.url_for("locust.login"))
        flask_login.login_user(_User(name))
        return flask.redirect(flask.url_for("locust.index"))

    web_ui.app.add_url_rule(_LOGIN, view_func=log_in, methods=["POST"])
