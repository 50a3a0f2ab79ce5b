"""Files to profiles, SLOs and targets, or to every problem in them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from tokenswarm.errors import ProfileError
from tokenswarm.metrics.suggestion import not_one_of
from tokenswarm.metrics.threshold_check import Surroundings
from tokenswarm.profile.actions import COMMAND, check_actions, check_commands
from tokenswarm.profile.expectations import check_expectations
from tokenswarm.profile.load_model import check_load_model
from tokenswarm.profile.models import given_models
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.problems import problems_in, reports
from tokenswarm.profile.schema import DEFAULT_SCENARIO, Profile, check_stage_names, check_timeouts, stages_in
from tokenswarm.profile.slo import Slo, check_metric_keys
from tokenswarm.profile.suite import Suite, check_references
from tokenswarm.profile.target import DEFAULT_DIALECT, MODEL_ENV, VERBATIM, Target, aims_in, check_secrets
from tokenswarm.profile.threshold_lines import check_section
from tokenswarm.profile.values import Document, shown
from tokenswarm.profile.yaml_tree import OF_NO_FILE, Problem, Tree, read_tree
from tokenswarm.profile.yaml_tree import Path as Place

_MOST_BYTES: Final = 1_000_000

_D = TypeVar("_D", bound=Document)
_Check = Callable[[Any], Iterable[tuple[Place, str]]]


def load_profile(ref: str, places: SearchPath, environ: Mapping[str, str]) -> Profile:
    """A profile by name or path; ProfileError with all that is wrong. Its SLO is looked for, not read."""

    def check_slo(data: Any) -> Iterator[tuple[Place, str]]:
        if isinstance(data.get("slo"), str):
            try:
                places.find("SLO", data["slo"])
            except ProfileError as error:
                yield ("slo",), str(error)

    def check_thresholds(data: Any) -> Iterator[tuple[Place, str]]:
        scenario = data.get("scenario", DEFAULT_SCENARIO)
        return check_section(data.get("thresholds"), Surroundings(stages_in(data), str(scenario)))

    return _load(
        Profile,
        places.find("profile", ref),
        places,
        environ,
        (
            check_stage_names,
            check_load_model,
            check_expectations,
            check_actions,
            lambda data: check_commands(data, environ),
            check_timeouts,
            check_slo,
            check_thresholds,
        ),
        frozenset({COMMAND}),
    )


def load_slo(ref: str, places: SearchPath, environ: Mapping[str, str]) -> Slo:
    """An SLO by name or path; ProfileError with all that is wrong."""

    def check_thresholds(data: Any) -> Iterator[tuple[Place, str]]:
        return check_section(data.get("thresholds"), Surroundings())

    return _load(Slo, places.find("SLO", ref), places, environ, (check_metric_keys, check_thresholds))


def load_suite(ref: str, places: SearchPath, environ: Mapping[str, str]) -> Suite:
    """A suite by name or path; ProfileError with all that is wrong. Its profiles are looked for, not read."""

    def check_runs(data: Any) -> Iterator[tuple[Place, str]]:
        yield from check_references(data, places)

    return _load(Suite, places.find("suite", ref), places, environ, (check_runs,))


def load_target(
    ref: str,
    places: SearchPath,
    environ: Mapping[str, str],
    *,
    model: str | None = None,
    dialects: Collection[str] | None = None,
    dialect: str = DEFAULT_DIALECT,
    option: str = "--target",
) -> Target:
    """A target by URL, name or path; ProfileError with all that is wrong.

    `dialect` is that of a target which names none, as a URL can't; `option` is what named a URL.
    The model is the argument, or TOKENSWARM_MODEL of the environment, or the file's. `dialects` are
    those we speak; None leaves the dialect unchecked.
    """
    chosen = model or environ.get(MODEL_ENV)

    def check_dialect(data: Any) -> Iterator[tuple[Place, str]]:
        for place, aim in aims_in(data):
            dialect = aim.get("dialect")
            if dialects is not None and isinstance(dialect, str) and dialect not in dialects:
                yield (*place, "dialect"), not_one_of(dialect, dialects)

    def check_model(data: Any) -> Iterator[tuple[Place, str]]:
        if not data.get("model") and not data.get("models"):
            # Where the schema would complain of the lack: one complaint of it is enough.
            place = () if data.get("model") is None else ("model",)
            here = "" if "://" in ref else "here as `model`, "
            yield place, f"no model; name one {here}with --model, or in {MODEL_ENV}"

    checks = (check_secrets, check_dialect, check_model)
    given = given_models(chosen) if chosen else {}
    assumed = {"dialect": dialect}
    if "://" in ref:
        tree = Tree({"name": _host(ref), "url": ref, **assumed, **given}, {(): OF_NO_FILE})
        return _made(Target, option, tree, checks)
    file = places.find("target", ref)

    def check_files(data: Any) -> Iterator[tuple[Place, str]]:
        named = (
            (place, tls, key)
            for place, aim in aims_in(data)
            for tls in (aim.get("tls"),)
            for key in ("ca_file", "client_cert", "client_key")
            if isinstance(tls, dict) and isinstance(tls.get(key), str)
        )
        for place, tls, key in named:
            value = tls[key]
            tls[key] = str(file.parent / Path(value).expanduser())
            if not Path(tls[key]).is_file():
                yield (*place, "tls", key), f"got {value}, and there is no such file beside {file.name}"

    def find_logs(data: Any) -> Iterator[tuple[Place, str]]:
        monitor = data.get("monitor")
        logs = monitor.get("log") if isinstance(monitor, dict) else None
        for log in logs if isinstance(logs, list) else [logs]:
            if isinstance(log, dict) and isinstance(log.get("file"), str):
                log["file"] = str(file.parent / Path(log["file"]).expanduser())
        yield from ()

    return _load(Target, file, places, environ, (*checks, check_files, find_logs), VERBATIM, given, assumed)


def _load(
    kind: type[_D],
    file: Path,
    places: SearchPath,
    environ: Mapping[str, str],
    checks: Iterable[_Check],
    verbatim: frozenset[str] = frozenset(),
    given: Mapping[str, Any] | None = None,
    assumed: Mapping[str, str] | None = None,
) -> _D:
    name = places.shown(file)
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ProfileError([f"{name}: can't be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProfileError([f"{name}:{line}: not UTF-8; save the file in that encoding"]) from None
    if len(raw) > _MOST_BYTES:
        raise ProfileError([f"{name}: {len(raw)} bytes, more than {_MOST_BYTES}: is it the right file?"])
    tree = read_tree(text, environ, verbatim)
    if isinstance(tree.data, dict):
        tree.data = {**(assumed or {}), "name": file.stem, **tree.data, **(given or {})}
    return _made(kind, name, tree, checks).from_file(name, hashlib.sha256(raw).hexdigest())


def _made(kind: type[_D], file: str, tree: Tree, checks: Iterable[_Check]) -> _D:
    """The document, or all problems of the text, the schema and the checks together."""
    if not isinstance(tree.data, dict):
        if not tree.problems:
            tree.problems.append(Problem(1, (), f"got {shown(tree.data)}, need a mapping of keys to values"))
        raise ProfileError(reports(file, tree, ()))
    found = [Problem(tree.line_of(path), path, text) for check in checks for path, text in check(tree.data)]
    document: _D | None = None
    try:
        document = kind.model_validate(tree.data)
    except ValidationError as error:
        # Where a check has already said it better, the schema's complaint is left out.
        said = {problem.path for problem in found}
        schema = kind.model_json_schema(by_alias=True)
        found += [problem for problem in problems_in(error, tree, schema) if problem.path not in said]
    if found or tree.problems or document is None:
        raise ProfileError(reports(file, tree, found))
    return document


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "target"
