"""What tokenswarm adds to Locust's web UI: its fields, a tab with its figures, and a report of each run."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import flask
import flask_login
import gevent
from gevent import subprocess
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_STOPPED, STATE_STOPPING
from locust.web import WebUI

from tokenswarm.errors import ConfigurationError, TokenswarmError
from tokenswarm.exporters.live_table import COLUMNS, Row, rows_of
from tokenswarm.metrics.standing import Standing
from tokenswarm.runs.facts import Started, facts_of
from tokenswarm.runs.folder import RunJson, make_folder
from tokenswarm.runs.machine import describe_machine
from tokenswarm.swarm.options import targets_offered
from tokenswarm.swarm.plan import RunPlan
from tokenswarm.swarm.web_form import Form
from tokenswarm.swarm.web_guard import add_login, guard
from tokenswarm.swarm.web_page import add_to_page

_TAB: Final = "llm"
_REPORTS: Final = "/tokenswarm/reports"
_LONGEST_REPORT_S: Final = 300
_ROWS_S: Final = 1.0  # rows are made anew after so long, however many pages ask: they cost the users' time
_MOST_LISTED: Final = 20  # of the runs of this process
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Made:
    """A run of this process, and what has become of its report."""

    folder: Path
    run_json: RunJson
    said: str = "the run goes on; its report is made when it has ended"
    has_ended: bool = False
    has_report: bool = False
    is_judged: Event = field(default_factory=Event)


class TokenswarmUi:
    """One for each Locust process with a web UI; the test may run many times."""

    def __init__(
        self,
        environment: Environment,
        standing: Callable[[], Standing | None],
        form: Form,
    ) -> None:
        """Adds itself to the environment's web UI."""
        assert environment.web_ui is not None
        self._environment = environment
        self._web_ui: WebUI = environment.web_ui
        app = environment.web_ui.app
        assert app is not None
        self._standing = standing
        self._form = form
        self._runs: list[_Made] = []
        self._rows_shown: list[Row] = []
        self._rows_at_s = -_ROWS_S
        guard(self._web_ui)
        if self._web_ui.web_login:
            add_login(self._web_ui)
        form.join(self._web_ui)
        self._web_ui.template_args |= {
            "extended_tabs": [{"title": "LLM", "key": _TAB}],
            "extended_tables": [
                {
                    "key": _TAB,
                    "structure": [{"key": key, "title": title} for key, title in COLUMNS],
                }
            ],
        }
        app.before_request(self._check_form)
        app.before_request(self._hand_out_report)
        app.after_request(self._add_rows)
        add_to_page(self._web_ui, self._now, targets_offered(environment))
        app.add_url_rule(
            f"{_REPORTS}/<name>/<file>", view_func=self._web_ui.auth_required_if_enabled(self._report)
        )

    def begin(self, plan: RunPlan) -> Path | None:
        """A folder for the run that starts now; None, with the reason in the log, if there can be none."""
        options = self._environment.parsed_options
        assert options is not None
        assert plan.resolved is not None
        started = Started(options.time_scale, plan.seed, max(1, len(plan.members)), "locust, from its web UI")
        facts = facts_of(plan.resolved, plan.target, started, is_mock=False)
        # It waits for a program, and who stops the run meanwhile ends this, too: the folder comes after it.
        machine = describe_machine(Path.cwd())
        try:
            folder = make_folder(Path(options.reports), plan.profile.name)
            made = _Made(folder, RunJson(folder, {**facts, "environment": machine}))
        except TokenswarmError as error:
            logger.error("this run can't be kept: %s", error)  # noqa: TRY400 - the disk's fault
            return None
        self._runs.append(made)
        return folder

    def end(self, *, is_whole: bool) -> None:
        """Make the report of the run that has just ended, beside Locust: it takes seconds of CPU."""
        made = self._runs[-1]
        made.run_json.end("finished" if is_whole else "interrupted", locust_exit_code=0)
        made.said = "it has ended; its report is linked at the foot of this page"  # which asks no more rows
        made.has_ended = True
        gevent.spawn(_judge, made)

    def _check_form(self) -> Any:
        """Say on the page what can't be run; Locust would only log it."""
        request = flask.request
        if request.method != "POST" or self._is_outside():
            return None
        try:
            if request.path.endswith("/swarm"):
                self._form.check(request.form)
            elif request.path.endswith("/user"):
                self._form.check_class(request.get_json(force=True, silent=True))
        except ConfigurationError as error:
            return flask.jsonify({"success": False, "message": str(error), "host": self._environment.host})
        return None

    def _is_outside(self) -> bool:
        """Whether who asks must log in first: Locust's own answer says so, and ours would tell more."""
        return bool(self._web_ui.web_login) and not flask_login.current_user.is_authenticated

    def _hand_out_report(self) -> Any:
        """Behind Locust's own "Download Report" is ours of the last run, once that has ended."""
        if not flask.request.path.endswith("/stats/report") or not self._runs or self._is_outside():
            return None
        made = self._runs[-1]
        if made.has_ended:
            made.is_judged.wait(_LONGEST_REPORT_S)
        if not made.has_report:
            return flask.make_response(f"{made.folder.name}: {made.said}\n", 503)
        query = "?download" if "download" in flask.request.args else ""
        return flask.redirect(f"{_REPORTS}/{made.folder.name}/report.html{query}")

    def _add_rows(self, response: flask.Response) -> flask.Response:
        if flask.request.path.endswith("/stats/requests") and response.is_json:
            data = response.get_json()
            if isinstance(data, dict):
                data["extended_stats"] = [{"key": _TAB, "data": self._rows()}]
                if self._is_ending():
                    # The page asks no more once it reads any other state, and would stay as it is now.
                    data["state"] = STATE_RUNNING
                response.set_data(flask.json.dumps(data))
        return response

    def _is_ending(self) -> bool:
        """Whether calls in flight are waited for, or the last figures are being written."""
        state = self._environment.runner.state if self._environment.runner is not None else ""
        is_open = bool(self._runs) and not self._runs[-1].has_ended
        return state in (STATE_CLEANUP, STATE_STOPPING) or (state == STATE_STOPPED and is_open)

    def _now(self) -> dict[str, Any]:
        """For the page's script: what goes on, and what has become of the last run?"""
        run = None
        if self._runs:
            made = self._runs[-1]
            run = {
                "name": made.folder.name,
                "said": made.said if made.is_judged.is_set() else "its report is being made",
                "has_ended": made.has_ended,
                "report": f"{_REPORTS}/{made.folder.name}/report.html" if made.has_report else "",
            }
        return {
            "is_asking": self._form.is_asking,
            "is_running": not self._form.is_idle,
            "has_users": self._form.has_users,
            "is_fixed": self._form.is_fixed,
            "run": run,
        }

    def _rows(self) -> list[Row]:
        now_s = time.monotonic()
        if now_s - self._rows_at_s >= _ROWS_S:
            self._rows_at_s = now_s
            standing = self._standing()
            rows = rows_of(standing) if standing is not None else []
            self._rows_shown = [*rows, *map(_row_of, reversed(self._runs[-_MOST_LISTED:]))]
        return self._rows_shown

    def _report(self, name: str, file: str) -> Any:
        for made in self._runs:
            if made.folder.name != name or file != "report.html" or not made.has_ended:
                continue
            made.is_judged.wait(_LONGEST_REPORT_S)
            if made.has_report:
                return flask.send_file(
                    made.folder.resolve() / file, as_attachment="download" in flask.request.args
                )
        return flask.make_response("no such report\n", 404)


def _row_of(made: _Made) -> Row:
    return {**{key: "" for key, _ in COLUMNS}, "part": "Report", "what": f"{made.folder.name}: {made.said}"}


def _judge(made: _Made) -> None:
    """Another process: this one may have the next run's calls to time by now."""
    command = [sys.executable, "-m", "tokenswarm", "report", str(made.folder)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_REPORT_S,
            check=False,
        )
        paragraphs = (done.stdout or done.stderr or "no report").strip().split("\n\n")
        verdict = [paragraph for paragraph in paragraphs if "(exit " in paragraph]
        made.said = " ".join((verdict or paragraphs)[-1].split())
        made.has_report = (made.folder / "report.html").is_file()
    except (OSError, subprocess.TimeoutExpired) as error:
        made.said = f"no report: {error}"
    finally:
        made.is_judged.set()
