"""In what two runs are not alike, besides their figures: then these may differ for that reason alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from tokenswarm.report.comparison import Difference
from tokenswarm.report.recorded import Recorded

PROFILE: Final = "profile"
# Words for people, and what judges: neither makes load.
_NO_LOAD: Final = frozenset({"name", "description", "slo", "thresholds"})
_OF_TARGET: Final = ("dialect", "model", "gzip", "is_embedded_mock")
_OF_ABOUT: Final = ("scenario", "time_scale")
_MACHINE: Final = ("cpu", "cores", "memory_bytes", "memory_limit_bytes", "cpu_limit_cores", "kernel")
_TOOLS: Final = ("python", "locust", "gevent")
_UNTRUSTED: Final = frozenset({"invalid", "interrupted"})
_SAME_MEMORY: Final = 0.02  # kernels keep some for themselves, and not all the same
_LONGEST: Final = 60  # of a value that is shown


def differences_of(base: Recorded, current: Recorded) -> tuple[Difference, ...]:
    """All that is known to differ; what is known of one alone is no difference, but see `unknown_of`."""
    return (
        *_of_profile(base, current),
        *_of_machine(base, current),
        *_of_tools(base, current),
        *_of_verdict(base, current),
    )


def unknown_of(base: Recorded, current: Recorded) -> tuple[str, ...]:
    """Sentences for what can't be told alike or not."""
    notes = []
    for run in (base, current):
        missing = [
            word
            for word, known in (
                ("profile", run.configuration.get("profile")),
                ("machine", run.environment),
            )
            if not known
        ]
        if missing:
            notes.append(f"{run.source} doesn't say with which {' and '.join(missing)} it was run")
    return tuple(notes)


def _of_profile(base: Recorded, current: Recorded) -> Iterator[Difference]:
    profiles = [dict(run.configuration.get("profile") or {}) for run in (base, current)]
    if all(profiles) and not (base.is_csv or current.is_csv):
        for name in dict.fromkeys([*profiles[0], *profiles[1]]):
            if name not in _NO_LOAD:
                yield from _differing(PROFILE, name, *(profile.get(name) for profile in profiles))
        yield from _each(PROFILE, _OF_ABOUT, base.about, current.about)
    targets = [dict(run.configuration.get("target") or {}) for run in (base, current)]
    if all(targets):
        yield from _each(PROFILE, _OF_TARGET, *targets)


def _of_machine(base: Recorded, current: Recorded) -> Iterator[Difference]:
    if not (base.environment and current.environment):
        return
    for difference in _each("machine", _MACHINE, base.environment, current.environment):
        if difference.name == "memory_bytes" and _is_same_memory(base, current):
            continue
        yield difference
    yield from _each("machine", ("workers",), base.about, current.about)


def _is_same_memory(base: Recorded, current: Recorded) -> bool:
    one, other = (run.environment.get("memory_bytes") or 0 for run in (base, current))
    return bool(one and other and abs(one - other) <= _SAME_MEMORY * max(one, other))


def _of_tools(base: Recorded, current: Recorded) -> Iterator[Difference]:
    if base.is_csv != current.is_csv:
        kinds = ["Locust's own CSV" if run.is_csv else "our own histograms" for run in (base, current)]
        yield Difference("tool", "figures", *kinds)
        return
    if not base.is_csv:  # of a CSV it is the tool that reads it
        yield from _each("tool", ("tool",), base.about, current.about)
        yield from _each("tool", _TOOLS, base.environment, current.environment)


def _of_verdict(base: Recorded, current: Recorded) -> Iterator[Difference]:
    if {base.outcome, current.outcome} & _UNTRUSTED:
        yield Difference("verdict", "of the run", base.outcome, current.outcome)


def _each(
    what: str, names: tuple[str, ...], base: Mapping[str, Any], current: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in names:
        yield from _differing(what, name, base.get(name), current.get(name))


def _differing(what: str, name: str, base: Any, current: Any) -> Iterator[Difference]:
    """Where both are made of as many parts, the parts that differ: of a whole list one would see its head."""
    if _plain(base) == _plain(current):
        return
    parts = _parts(name, base, current)
    if not parts:
        yield Difference(what, name, _shown(base), _shown(current))
    for part, one, other in parts:
        yield from _differing(what, part, one, other)


def _parts(name: str, base: Any, current: Any) -> list[tuple[str, Any, Any]]:
    """Under their names, of both; none where they can't be held side by side."""
    if isinstance(base, Mapping) and isinstance(current, Mapping):
        return [(f"{name}.{key}", base.get(key), current.get(key)) for key in {**base, **current}]
    is_list = isinstance(base, list | tuple) and isinstance(current, list | tuple)
    if is_list and len(base) == len(current):
        pairs = enumerate(zip(base, current, strict=True))
        return [(f"{name}[{place}]", one, other) for place, (one, other) in pairs]
    return []


def _plain(value: Any) -> Any:
    """Empty is what older files leave out; lists and tuples are one."""
    return orjson.dumps(value or None, option=orjson.OPT_SORT_KEYS)


def _shown(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
