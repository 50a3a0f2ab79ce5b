"""`tokenswarm web`: Locust's web UI with tokenswarm's fields, figures and reports."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml

from tokenswarm.errors import ConfigurationError, ExitCode
from tokenswarm.launch.embedded import embedded
from tokenswarm.launch.exports import Exports
from tokenswarm.launch.interrupts import Interrupts
from tokenswarm.launch.locust_process import LocustProcess
from tokenswarm.launch.scenario import locustfile_of
from tokenswarm.loopback import why_not_listen
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.target import Target
from tokenswarm.voice import say

_WEB: Final = "TOKENSWARM_WEB"  # read by swarm/options.py
_LOGIN: Final = ("TOKENSWARM_WEB_USER", "TOKENSWARM_WEB_PASSWORD_HASH")  # read by swarm/web_guard.py


@dataclass(frozen=True, slots=True)
class WebRequest:
    """The options of `tokenswarm web`."""

    names: Names
    host: str
    port: int
    wants_login: bool
    reports: Path
    exports: Exports


def serve_web_ui(request: WebRequest) -> ExitCode:
    """Until it is interrupted; ConfigurationError before anything is served if something is wrong."""
    resolved = resolve(request.names, SearchPath.of(Path.cwd()), os.environ)
    request.exports.check(os.environ)
    if request.wants_login:
        _check_login()
    reason = why_not_listen(request.host.strip("[]"), request.port)
    if reason:
        raise ConfigurationError(
            f"--web-host {request.host} --web-port {request.port}: can't listen there: {reason}; name an"
            " address of this machine and a port that is free, or use the web UI that may be there already"
        )
    _make_reports(request.reports)
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        names = request.names
        target, shown_target = names.target, names.target
        if resolved.target is None:
            own = stack.enter_context(embedded(resolved.profile, names.model))
            folder = stack.enter_context(TemporaryDirectory(prefix="tokenswarm-web-"))
            target = _written(own.target, Path(folder))
            shown_target = f"{own.target.url} (an embedded mock gateway)"
        interrupts.hold()
        os.environ[_WEB] = "1"
        os.environ["TOKENSWARM_LOAD_PROFILE"] = names.profile
        assert target is not None
        command = [
            *(sys.executable, "-m", "locust", "--locustfile"),
            str(locustfile_of(resolved.profile.scenario, Path.cwd())),
            *("--web-host", request.host, "--web-port", str(request.port), "--class-picker"),
            *("--load-profile", names.profile, "--target", target, "--reports", str(request.reports)),
            *(("--model", names.model) if names.model else ()),
            *(("--slo", names.slo) if names.slo else ()),
            *("--time-scale", f"{names.time_scale:g}"),
            *(("--web-login",) if request.wants_login else ()),
            *request.exports.options(),
        ]
        shown = f"[{request.host}]" if ":" in request.host else request.host
        say(f"open http://{shown}:{request.port}/ – target {shown_target}; Ctrl-C ends it")
        with LocustProcess(command, interrupts) as locust:
            code = locust.wait()
    # It has no end of its own: an interruption is how one leaves it.
    return ExitCode.PASS if interrupts.count or code == 0 else ExitCode.BAD_CONFIGURATION


def _written(target: Target, folder: Path) -> str:
    """As a file: a URL names no providers, and no process to watch; an option would, but for every target."""
    file = folder / "embedded-mock.yaml"
    file.write_text(yaml.safe_dump(target.resolved(), sort_keys=False), encoding="utf-8")
    return str(file)


def _make_reports(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"--reports {folder}: can't write there ({error.strerror}); name another"
        ) from None


def _check_login() -> None:
    missing = [
        name for name in ("TOKENSWARM_WEB_USER", "TOKENSWARM_WEB_PASSWORD_HASH") if not os.environ.get(name)
    ]
    if missing:
        raise ConfigurationError(
            f"--web-login: {' and '.join(missing)} not set; `tokenswarm web-password` makes the hash of a"
            " password, for the environment"
        )
