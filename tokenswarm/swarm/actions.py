"""Does what a profile says is to be done to the target while the load runs, and notes what came of it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import gevent
import orjson

from tokenswarm.profile.actions import Action
from tokenswarm.profile.references import fill
from tokenswarm.swarm.plan import RunPlan

Note = Callable[..., None]

_LONGEST_SAID: Final = 200


class Actions:
    """The actions of one run; each has a greenlet of its own, so that a slow one holds up no other."""

    def __init__(self, plan: RunPlan, started_at_s: float, note: Note) -> None:
        """`started_at_s` is the run's start on the monotonic clock; `note` takes an event and its details."""
        self._plan = plan
        self._started_at_s = started_at_s
        self._note = note
        self._greenlets = [gevent.spawn(self._act, action) for action in plan.profile.actions]

    def stop(self) -> None:
        """Do nothing more; what was begun is given up."""
        gevent.killall(self._greenlets, block=False)

    def _act(self, action: Action) -> None:
        due_s = self._started_at_s + action.at_s(self._plan.stages)
        gevent.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        try:
            said = self._do(action)
            is_ok = True
        except (OSError, HTTPException, ValueError, subprocess.SubprocessError) as error:
            said, is_ok = str(error) or type(error).__name__, False
        self._note(
            "action",
            at_s=began_s - self._started_at_s,
            name=action.name,
            did=action.did,
            is_ok=is_ok,
            said=said[:_LONGEST_SAID],
            took_s=round(time.monotonic() - began_s, 4),
        )

    def _do(self, action: Action) -> str:
        if action.command is not None:
            return _run([fill(word, os.environ) for word in action.command], action.timeout_s)
        url = action.url_on(self._plan.target)
        assert url is not None
        return _post(url, action)


def _run(command: Sequence[str], timeout_s: float) -> str:
    """What the command printed last; SubprocessError or OSError if it failed."""
    # The user's own words from the user's own profile; no shell reads them.
    done = subprocess.run(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    if done.returncode:
        raise subprocess.SubprocessError(f"exit code {done.returncode}{last}")
    return f"exit code 0{last}"


def _post(url: str, action: Action) -> str:
    """The answer's status; OSError or HTTPException if there was none, or none with 2xx."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=action.timeout_s)
    headers = {"content-type": "application/json"}
    if action.key_env is not None:
        key = os.environ.get(action.key_env)
        if not key:
            raise ValueError(f"the environment has no {action.key_env}")
        headers["authorization"] = f"Bearer {key}"
    path = parts.path or "/"
    try:
        connection.request(
            "POST", f"{path}?{parts.query}" if parts.query else path, orjson.dumps(action.body), headers
        )
        answer = connection.getresponse()
        body = answer.read(_LONGEST_SAID).decode("utf-8", "replace")
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise HTTPException(f"HTTP {answer.status}: {body}")
    return f"HTTP {answer.status}"
