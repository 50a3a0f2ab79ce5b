"""Our listeners on Locust's events, one call long each, and nothing else."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import gevent
import locust.argument_parser
import locust.env
import locust.rpc.zmqrpc
import locust.runners
import locust.stats
import locust.web
from gevent.event import Event
from locust import events
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, LocalRunner, MasterRunner, Runner, WorkerRunner

from tokenswarm.errors import ConfigurationError, ExitCode, TokenswarmError
from tokenswarm.metrics.standing import Standing
from tokenswarm.prompts.corpus import load_corpus
from tokenswarm.swarm import locust_log, web_server
from tokenswarm.swarm.conductor import CPU, LAST_CALL, MEMBERS, SOCKETS, Conductor
from tokenswarm.swarm.console import console_for
from tokenswarm.swarm.drain import MasterDrain, WorkerDrain
from tokenswarm.swarm.garbage import spare_what_is_loaded
from tokenswarm.swarm.load import Load
from tokenswarm.swarm.locust_bounds import BoundedCsv
from tokenswarm.swarm.master_runner import FleetMaster
from tokenswarm.swarm.master_socket import MasterSocket
from tokenswarm.swarm.merge import DELTA
from tokenswarm.swarm.messages import UNFIT
from tokenswarm.swarm.muster import muster
from tokenswarm.swarm.options import add_options, is_target_named, plan_of
from tokenswarm.swarm.outlets import Outlets
from tokenswarm.swarm.parent import quit_with_parent
from tokenswarm.swarm.plan import RunPlan
from tokenswarm.swarm.sent_prompts import PROMPTS
from tokenswarm.swarm.sessions import Session, open_session
from tokenswarm.swarm.steady_time import SteadyTime
from tokenswarm.swarm.users import PromptUser
from tokenswarm.swarm.web_form import Form
from tokenswarm.swarm.web_ui import TokenswarmUi
from tokenswarm.swarm.worker_runner import FleetWorker
from tokenswarm.voice import say

# The plan travels to the workers among Locust's custom options, with each spawn message.
_PLAN: Final = "tokenswarm_plan"
# After an interruption nobody wants to wait for the longest answer.
_INTERRUPTED_DRAIN_S: Final = 5.0

logger = logging.getLogger(__name__)


def install(scenario: str) -> None:
    """Make a locustfile a tokenswarm scenario; the locustfile's first call."""
    steady = SteadyTime()
    for module in (locust.runners, locust.stats):
        vars(module)["time"] = steady
    locust_log.install()
    locust.stats.StatsCSVFileWriter = BoundedCsv  # type: ignore[misc]  # Locust offers no other way in
    vars(locust.env)["MasterRunner"] = functools.partial(FleetMaster, scenario=scenario)
    vars(locust.env)["WorkerRunner"] = functools.partial(FleetWorker, scenario=scenario)
    vars(locust.rpc.zmqrpc)["Server"] = MasterSocket
    vars(locust.web)["pywsgi"] = web_server
    events.init_command_line_parser.add_listener(functools.partial(add_options, scenario=scenario))
    events.init.add_listener(Lifecycle(scenario).on_init)


class Lifecycle:
    """One Locust process, from its init to its end; the test may run several times in between."""

    def __init__(self, scenario: str) -> None:
        self._scenario = scenario
        self._environment: Environment
        self._session: Session
        self._master_drain: MasterDrain | None = None
        self._worker_drain: WorkerDrain | None = None
        self._outlets: Outlets | None = None
        self._web_ui: TokenswarmUi | None = None
        self._has_folder_of_web_ui = False
        self._undrained = 0
        self._has_drained = Event()
        # Read now: a tenth of a second at the start of the test would be in the first calls' latency.
        self._corpus = load_corpus()

    def on_init(self, environment: Environment, runner: Runner, **_: Any) -> None:
        """Check the options, and listen."""
        self._environment = environment
        self._session = open_session(environment, lambda: plan_of(environment, self._scenario))
        # Locust's stop() looks at the stack with inspect, which at first takes a tenth of a second: calls
        # in flight at the end of a run would seem that much slower.
        inspect.stack()
        own = environment.events
        own.test_start.add_listener(self._on_test_start)
        spare_what_is_loaded()
        if isinstance(runner, WorkerRunner):
            self._follow(runner)
            return
        self._check_target()
        self._serve_figures()
        if environment.web_ui is not None:
            self._add_to_web_ui()
        _start_default_classes_only(environment)
        if isinstance(runner, FleetMaster):
            self._lead(runner)
        if environment.parsed_options is not None and environment.parsed_options.run_folder:
            # The verdict is what ends up on the terminal; Locust's tables go to run.log.
            logging.getLogger("locust.stats_logger").handlers = logging.getLogger().handlers
        if environment.parsed_options is not None and environment.parsed_options.headless:
            # Locust sets its own handler only after a headless shape has run to its end.
            gevent.signal_handler(signal.SIGTERM, self._on_sigterm)
            quit_with_parent(self._on_sigterm)
        elif environment.web_ui is not None:
            quit_with_parent(self._leave_web_ui)
        own.test_stopping.add_listener(self._on_test_stopping)
        own.test_stop.add_listener(self._on_test_stop)

    def _follow(self, runner: WorkerRunner) -> None:
        """Listen as a worker."""
        # Locust builds its whole argument parser for each option of each spawn message: at every step
        # of a ramp that held the worker's hub for 0.1 s, and all its calls seemed that much slower.
        locust.argument_parser.default_args_dict = functools.cache(locust.argument_parser.default_args_dict)
        self._worker_drain = WorkerDrain(self._environment, runner)
        own = self._environment.events
        own.report_to_master.add_listener(self._on_report_to_master)
        own.quitting.add_listener(self._on_worker_quitting)
        own.test_stop.add_listener(self._on_worker_test_stop)
        runner.register_message(MEMBERS, self._on_members)
        if isinstance(runner, FleetWorker):
            runner.has_listeners.set()

    def _lead(self, runner: FleetMaster) -> None:
        """Listen as the master, and gather the workers."""
        # Locust holds up the shape for a second when reports lag behind; ours tell of users soon enough.
        os.environ.setdefault("LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP", "0.2")
        self._master_drain = MasterDrain(runner)
        self._environment.events.worker_report.add_listener(self._on_worker_report)
        runner.plan_to_send = self._plan_to_send
        runner.on_rejected = self._on_rejected
        runner.register_message(UNFIT, self._on_unfit)
        muster(self._environment, runner)

    def _check_target(self) -> None:
        if not is_target_named(self._environment):
            return
        # In the web UI the target may still be typed in; what was given is checked now all the same.
        try:
            plan_of(self._environment, self._scenario)
        except TokenswarmError as error:
            say(str(error))
            sys.exit(error.exit_code)

    def _serve_figures(self) -> None:
        options = self._environment.parsed_options
        if options is None:
            return
        try:
            self._outlets = Outlets(options, self._standing)
        except TokenswarmError as error:
            say(str(error))
            sys.exit(error.exit_code)

    def _add_to_web_ui(self) -> None:
        try:
            form = Form(self._environment, self._scenario)
            self._web_ui = TokenswarmUi(self._environment, self._standing, form)
        except TokenswarmError as error:
            say(str(error))
            sys.exit(error.exit_code)

    def _standing(self) -> Standing | None:
        return self._session.conductor.standing() if self._session.conductor is not None else None

    def _on_sigterm(self) -> None:
        runner = self._environment.runner
        assert runner is not None
        has_started = self._session.conductor is not None
        runner.quit()
        if not has_started:
            # Locust's main greenlet waits for workers that were just sent away; nothing else ends it.
            hub = gevent.get_hub()
            hub.loop.run_callback(hub.parent.throw, SystemExit(ExitCode.INTERRUPTED))

    def _leave_web_ui(self) -> None:
        runner = self._environment.runner
        assert runner is not None
        runner.quit()
        # Locust's main greenlet serves pages for ever.
        hub = gevent.get_hub()
        hub.loop.run_callback(hub.parent.throw, SystemExit(ExitCode.PASS))

    def _on_test_start(self, environment: Environment, **_: Any) -> None:
        session, runner, options = self._session, environment.runner, environment.parsed_options
        assert options is not None
        if session.load is not None:
            session.load.stop()
        if isinstance(runner, FleetWorker):
            session.load = None
            session.current_plan = RunPlan.from_wire(getattr(options, _PLAN))
            locust.runners.WORKER_REPORT_INTERVAL = session.plan.report_interval_s
            if self._worker_drain is not None:
                self._worker_drain.begin()
            self._take_part(runner)
            return
        assert isinstance(runner, LocalRunner | MasterRunner)
        session.is_stopping = session.has_finished = False
        session.abort_reason = ""
        session.load = session.conductor = None
        # With a shape, its first tick has made the plan already.
        if environment.shape_class is None and not session.make_plan():
            # An exception would only be logged by Locust; users that find no load stop at once.
            gevent.spawn_later(0, runner.stop)
            return
        plan = session.plan
        environment.stop_timeout = plan.longest_call_s
        if isinstance(runner, LocalRunner):
            session.current_plan = replace(plan, members=(runner.client_id,))
            session.load = Load(session.plan, 0, runner.client_id, self._corpus)
        else:
            members = tuple(sorted(runner.clients, key=runner.get_worker_index))
            session.current_plan = replace(plan, members=members)
        self._has_drained.clear()
        if self._master_drain is not None:
            self._master_drain.begin()
        folder = Path(options.run_folder) if options.run_folder else None
        self._has_folder_of_web_ui = False
        if folder is None and self._web_ui is not None and options.reports:
            folder = self._web_ui.begin(session.plan)
            self._has_folder_of_web_ui = folder is not None
        console = console_for(sys.stderr) if folder is not None else None
        session.conductor = Conductor(session, runner, folder, console, self._outlets)

    def _on_report_to_master(self, data: dict[str, Any], **_: Any) -> None:
        is_over = self._worker_drain is not None and self._worker_drain.is_over
        if self._session.load is not None and not is_over:
            runner = self._environment.runner
            assert runner is not None
            is_running = runner.state in (STATE_SPAWNING, STATE_RUNNING)
            data[DELTA] = self._session.load.drain(at_once=not is_running).to_wire()
            data[CPU] = self._session.load.cpu.read()
            data[SOCKETS] = self._session.load.sockets.open
            data[LAST_CALL] = self._session.load.last_call_s
            trial = self._session.load.cache_trial
            prompts = trial.prompts_to_tell(at_once=not is_running) if trial is not None else None
            if prompts is not None:
                data[PROMPTS] = prompts.to_wire()

    def _take_part(self, runner: FleetWorker) -> None:
        """Make ready for the plan; where this machine lacks something for it, tell the master."""
        plan = self._session.plan
        missing = [name for name in plan.keys if not os.environ.get(name)]
        try:
            if missing:
                raise ConfigurationError(
                    f"{' and '.join(missing)} not in its environment; each worker takes keys from its own"
                )
            self._session.load = Load(plan, runner.worker_index, runner.client_id, self._corpus)
        except (TokenswarmError, OSError) as error:
            runner.give_up(str(error))
            return
        runner.say(f"the run has begun: {plan.profile.name} against {plan.target.url}")

    def _plan_to_send(self) -> dict[str, Any]:
        conductor = self._session.conductor
        return {} if conductor is None else {_PLAN: conductor.plan_on_wire()}

    def _on_rejected(self, client_id: str, problem: str) -> None:
        if self._session.conductor is not None:
            self._session.conductor.reject(client_id, problem)

    def _on_unfit(self, msg: Any, **_: Any) -> None:
        if self._session.conductor is not None:
            self._session.conductor.unfit(msg.node_id, msg.data["reason"])

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if self._session.conductor is not None:
            self._session.conductor.absorb_report(client_id, data)

    def _on_test_stopping(self, environment: Environment, **_: Any) -> None:
        session = self._session
        if session.conductor is None:
            return
        if session.is_stopping:
            # A signal while we drain makes Locust stop a second time; its test_stop must not overtake us.
            self._has_drained.wait()
            return
        session.is_stopping = True
        session.conductor.stopping()
        in_flight_s = session.plan.longest_call_s
        if not session.has_finished:
            in_flight_s = min(in_flight_s, _INTERRUPTED_DRAIN_S)
        elif session.load is not None:
            session.load.finish_schedule()
        environment.stop_timeout = in_flight_s
        if self._master_drain is not None:
            self._undrained = self._master_drain.drain(
                session.conductor, in_flight_s, has_finished=session.has_finished
            )
        self._has_drained.set()

    def _on_test_stop(self, **_: Any) -> None:
        if self._session.conductor is not None:
            self._session.conductor.close(undrained=self._undrained)
        if self._web_ui is not None and self._has_folder_of_web_ui:
            self._web_ui.end(is_whole=self._session.has_finished)
        options = self._environment.parsed_options
        if self._outlets is not None and options is not None and options.headless:
            self._outlets.linger()  # the process ends soon

    def _on_worker_test_stop(self, **_: Any) -> None:
        # What runs beside the users must not report once the last numbers are out.
        if self._session.load is not None:
            self._session.load.stop()

    def _on_members(self, environment: Environment, msg: Any, **_: Any) -> None:
        load, runner = self._session.load, environment.runner
        if load is not None and isinstance(runner, WorkerRunner):
            load.share_out(msg.data["members"], msg.data["from_s"], runner.client_id)

    def _on_worker_quitting(self, environment: Environment, **_: Any) -> None:
        if self._worker_drain is not None and self._session.load is not None:
            self._worker_drain.drain(min(environment.stop_timeout, _INTERRUPTED_DRAIN_S))


def _start_default_classes_only(environment: Environment) -> None:
    """Without classes named on the command line, a scenario starts its default ones, not all it offers."""
    options = environment.parsed_options
    if options is None or options.user_classes or options.class_picker:
        return
    chosen = [c for c in environment.user_classes if not issubclass(c, PromptUser) or c.is_default]
    environment.user_classes = chosen
