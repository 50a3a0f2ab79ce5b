"""The page's form: what it offers, and what is refused before Locust takes any of it over.

Locust takes values over one by one, and keeps those that came before a wrong one: a single bad number would
stand in the way of every run after it.
"""

from __future__ import annotations

import functools
import math
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, Final

import locust.argument_parser
from locust import User
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_STOPPED
from locust.util.timespan import parse_timespan
from locust.web import WebUI
from werkzeug.datastructures import MultiDict

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.suggestion import not_one_of
from tokenswarm.swarm.options import (
    NO_PROFILE,
    OWN_SLO,
    is_web,
    plan_by,
    profiles_offered,
    slos_offered,
)
from tokenswarm.swarm.plan import RunPlan
from tokenswarm.transport.preflight import preflight_of

_USERS: Final = "user_count"
_RAMP: Final = "spawn_rate"
_MOST_USERS: Final = 1_000_000
_OF_LOCUST: Final = (_USERS, _RAMP, "host", "run_time", "profile", "user_classes", "shape_class")
_OF_CLASS: Final = ("user_class_name", "host", "weight", "fixed_count", "tasks")
_WHOLE_NUMBERS: Final = ("weight", "fixed_count")
# A field's name and its help share one line, which a phone cuts after some forty letters.
_HELP: Final = {
    "load_profile": "what load comes when",
    "target": "a name or a URL",
    "slo": "what is good enough",
    "model": "empty: the target's own",
    "prompt_mix": "30/50/20; empty: profile's",
    "streaming": "50%; empty: profile's",
    "time_scale": "0.1: a tenth of each duration",
    "seed": "same seed, same draws",
}


class Form:
    """What the page's fields mean, for the one run that they start."""

    def __init__(self, environment: Environment, scenario: str) -> None:
        self._environment = environment
        self._scenario = scenario
        self.is_asking = False  # whether a run waits for its target's first answers
        self._last: RunPlan | None = None  # of those that were let through
        # Locust builds its whole parser for each page, which takes a tenth of a second of the users' time.
        options = functools.cache(locust.argument_parser.ui_extra_args_dict)
        vars(locust.argument_parser)["ui_extra_args_dict"] = options
        self._own = frozenset(options())

    @property
    def is_idle(self) -> bool:
        """Whether no run goes on. Locust's state is that of the beginning until its first users come."""
        runner = self._environment.runner
        assert runner is not None
        return runner.state in (STATE_INIT, STATE_STOPPED) and not runner.shape_greenlet

    @property
    def has_users(self) -> bool:
        """Whether the first of a run have come: until then Locust's page shows what was before it."""
        runner = self._environment.runner
        return runner is not None and runner.state not in (STATE_INIT, STATE_STOPPED)

    @property
    def is_fixed(self) -> bool:
        """Whether a profile says how many users the last run had: nobody may change that while it goes."""
        return self._last is not None and not self._last.is_open_ended

    def join(self, web_ui: WebUI) -> None:
        """Mend what Locust's page would offer."""
        environment, own = self._environment, vars(web_ui)
        shape = environment.shape_class
        environment.available_shape_classes = {}
        update_user_classes, update_template_args = web_ui._update_user_classes, web_ui.update_template_args

        def keep_shape(_: str | None) -> None:
            # With the class picker Locust forgets the shape, which drives the profile.
            environment.shape_class = shape

        def pick(classes: dict[str, type[User]]) -> None:
            # As long as nobody picks, it starts all classes at once: the profile's mix is none any more.
            if len(classes) == len(environment.available_user_classes or ()):
                classes = {name: one for name, one in classes.items() if getattr(one, "is_default", True)}
            update_user_classes(classes)

        def offer() -> None:
            update_template_args()
            web_ui.template_args |= self._offered(web_ui.template_args)

        own["_update_shape_class"], own["_update_user_classes"] = keep_shape, pick
        own["update_template_args"] = offer

    def check(self, fields: MultiDict[str, str]) -> RunPlan:
        """The plan of a run that may start now; ConfigurationError, for the page, if it may not."""
        unknown = sorted(set(fields.keys()) - self._own - set(_OF_LOCUST))
        if unknown:
            raise ConfigurationError(f"{unknown[0]}: {not_one_of(unknown[0], sorted(self._own))}")
        options = Namespace(**vars(self._environment.parsed_options or Namespace()))
        for name in self._own & set(fields.keys()):
            setattr(options, name, _like(getattr(options, name, None), name, fields[name]))
        options.host = fields.get("host", "") or options.host
        if is_web() and not options.target:
            raise ConfigurationError("target: it is empty; name a target or a URL that begins with http://")
        self._check_classes(fields.getlist("user_classes"))
        plan = plan_by(options, options.host or self._environment.host, self._scenario)
        _check_users(fields, is_needed=plan.is_open_ended)
        is_new = self._is_new(plan)
        if is_new and is_web():
            self._ask(plan)
        self._last = plan
        return plan

    def check_class(self, settings: object) -> None:
        """What the picker's gear posts; ConfigurationError if a run could not be made of it."""
        known = self._environment.available_user_classes or {}
        if not isinstance(settings, Mapping) or settings.get("user_class_name") not in known:
            raise ConfigurationError(f"user_class_name: need one of {', '.join(sorted(known))}")
        for name, value in settings.items():
            if name not in _OF_CLASS:
                raise ConfigurationError(f"{name}: {not_one_of(str(name), _OF_CLASS)}")
            if name in _WHOLE_NUMBERS and not (type(value) is int and value >= 0):
                raise ConfigurationError(
                    f"{name}: got {value!r}, need a whole number from 0 to {_MOST_USERS}"
                )
            if name == "tasks" and not (isinstance(value, list) and value):
                raise ConfigurationError("tasks: need at least one")

    def _offered(self, template: Mapping[str, Any]) -> dict[str, Any]:
        """Instead of what stands in Locust's template: the values of the next run, not those of the start."""
        options = self._environment.parsed_options
        extra = {
            name: {**each, "default_value": getattr(options, name, each["default_value"])}
            for name, each in template["extra_options"].items()
        }
        if not is_web():
            return {"extra_options": extra}
        for name, offered, nothing in (
            ("load_profile", profiles_offered(self._scenario), NO_PROFILE),
            ("slo", slos_offered(), OWN_SLO),
        ):
            extra[name] |= {"choices": offered, "default_value": extra[name]["default_value"] or nothing}
        extra = {name: {**extra[name], "help_text": words} for name, words in _HELP.items()}
        # The target is what is called, and stands among ours; Locust's own field would be a second one.
        return {"extra_options": extra, "host": "", "missing_host_warning": False}

    def _check_classes(self, names: list[str]) -> None:
        known = self._environment.available_user_classes or {}
        for name in names:
            if name not in known:
                raise ConfigurationError(f"user class {name}: {not_one_of(name, sorted(known))}")
        if not any(known[name].weight or known[name].fixed_count for name in names or known):
            raise ConfigurationError("user classes: all weights are 0; give one some weight")

    def _is_new(self, plan: RunPlan) -> bool:
        """Whether it starts a run; ConfigurationError if one goes on, and this is no change of its users."""
        if self.is_asking:
            raise ConfigurationError("a run is being started: its target is asked whether it answers")
        if self.is_idle:
            return True
        if plan.is_open_ended and (self._last is None or self._last.is_open_ended):
            return False
        raise ConfigurationError("a run is going on: stop it, and wait until it has ended")

    def _ask(self, plan: RunPlan) -> None:
        """A call of each kind, as `tokenswarm run` makes them: what can't work is no run."""
        self.is_asking = True
        try:
            preflight_of(plan.profile, plan.target)
        finally:
            self.is_asking = False


def _like(now: object, name: str, text: str) -> object:
    """The text as the kind of value that the option has now."""
    if not isinstance(now, int | float) or isinstance(now, bool):
        return text
    try:
        return type(now)(text)
    except ValueError:
        kind = "a whole number" if isinstance(now, int) else "a number"
        raise ConfigurationError(f"{name}: got {text or 'nothing'}, need {kind}, such as {now}") from None


def _check_users(fields: MultiDict[str, str], *, is_needed: bool) -> None:
    """Without a profile, Locust's own fields say how many users come how fast, and for how long."""
    users, ramp, run_time = (fields.get(name, "") for name in (_USERS, _RAMP, "run_time"))
    if (users or is_needed) and not (users.isdecimal() and 1 <= int(users) <= _MOST_USERS):
        raise ConfigurationError(
            f"number of users: got {users or 'nothing'}, need a whole number from 1 to {_MOST_USERS}"
        )
    try:
        per_s = float(ramp)
    except ValueError:
        per_s = math.nan
    if (ramp or is_needed) and not (math.isfinite(per_s) and per_s > 0):
        raise ConfigurationError(f"ramp up: got {ramp or 'nothing'}, need a number > 0 of users a second")
    if run_time:
        try:
            parse_timespan(run_time)
        except ValueError:
            raise ConfigurationError(f"run time: got {run_time}, need one such as 90s, 20m, 1h30m") from None
