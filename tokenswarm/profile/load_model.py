"""Which model of load a profile means, and what has no place in it.

closed   stages have `users`: a user calls, waits for the answer, pauses, and calls again
open     `arrivals` says how calls come, stages have a `rate`: each call has its time, whatever
         became of those before
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tokenswarm.profile.values import shown
from tokenswarm.profile.yaml_tree import Path

_Found = Iterator[tuple[Path, str]]

_KINDS: Final = "constant, poisson or gamma"
_ZERO_PAUSES: Final = (0, "0", "0s", "0ms")


def check_load_model(data: Any) -> _Found:
    """What is wrong with raw YAML data; malformed values are the schema's concern."""
    rows = _rows(data)
    has_rates = any(_has(row, "rate") for row in rows.values())
    has_users = any(_has(row, "users") for row in rows.values())
    if _has(data, "arrivals") or (has_rates and not has_users):
        yield from _check_open(data, rows)
    else:
        yield from _check_closed(data, rows)
    for i, row in rows.items():
        yield from _check_ramp(row, ("stages", i))


def first_rate(rows: Mapping[int, Any], i: int) -> Any:
    """The rate at which stage i begins: `from`, or its own, or for `requests` that of the next stage."""
    row = rows.get(i)
    if row is None:
        return None
    for key in ("from", "rate"):
        if _has(row, key):
            return row[key]
    return first_rate(rows, i + 1) if _has(row, "requests") else None


def _check_open(data: Any, rows: Mapping[int, Any]) -> _Found:
    if not _has(data, "arrivals"):
        yield ("arrivals",), f"missing; stages with a rate need it: {_KINDS}"
    if not _has(data, "max_in_flight"):
        yield ("max_in_flight",), "missing; the open model needs a limit to the calls in flight, such as 200"
    if data.get("arrivals") == "gamma" and not _has(data, "burstiness"):
        yield ("burstiness",), "missing; gamma needs it: below 1 in bursts, 1 as poisson, above 1 more even"
    if data.get("arrivals") in ("constant", "poisson") and _has(data, "burstiness"):
        yield ("burstiness",), f"has no place beside arrivals: {data['arrivals']}; it is the shape of gamma"
    if data.get("think_time", 0) not in _ZERO_PAUSES:
        yield ("think_time",), "has no place in the open model, where calls don't wait for answers"
    for i, row in rows.items():
        at: Path = ("stages", i)
        if _has(row, "users"):
            yield (
                (*at, "users"),
                "users belong to the closed model, and arrivals make this one open; give a rate",
            )
        elif _has(row, "requests"):
            yield from _check_counted(rows, i)
        elif not _has(row, "rate"):
            yield (*at, "rate"), "missing; each stage of the open model has a rate, or requests"
        if not _has(row, "requests") and not _has(row, "duration"):
            yield (*at, "duration"), "missing"


def _check_counted(rows: Mapping[int, Any], i: int) -> _Found:
    at: Path = ("stages", i)
    if _has(rows[i], "duration"):
        yield (*at, "duration"), "requests ÷ rate say how long the stage is; take duration away"
    rate = first_rate(rows, i)
    if rate is None:
        yield (*at, "rate"), "missing, and no stage follows whose rate it could take"
    elif rate == 0 and _has(rows[i], "rate"):
        yield (*at, "rate"), "got 0, need > 0: the requests would never be made"
    elif rate == 0:
        yield (*at, "rate"), "missing, and the next stage, whose rate it would take, begins at 0"


def _check_closed(data: Any, rows: Mapping[int, Any]) -> _Found:
    for key in ("max_in_flight", "burstiness"):
        if _has(data, key):
            yield (key,), f"belongs to the open model; add arrivals ({_KINDS}) and give stages a rate"
    for i, row in rows.items():
        at: Path = ("stages", i)
        if _has(row, "rate"):
            yield (*at, "rate"), f"a rate belongs to the open model; add arrivals ({_KINDS}), or take it away"
        if not _has(row, "users"):
            yield (*at, "users"), "missing"
        elif _has(row, "requests") and row["users"] == 0:
            yield (*at, "users"), "got 0, need ≥ 1: the requests would never be made"
        if _has(row, "requests") and i + 1 in rows:
            yield (
                (*at, "requests"),
                "users count their calls in the last stage only; give this one a duration",
            )
        if not _has(row, "requests") and not _has(row, "duration"):
            yield (*at, "duration"), "missing"
        if isinstance(row.get("from"), float) and not row["from"].is_integer():
            yield (*at, "from"), f"got {shown(row['from'])}, need a whole number of users"


def _check_ramp(row: Any, at: Path) -> _Found:
    if not _has(row, "from"):
        return
    if row.get("transition") == "step":
        yield (*at, "from"), "says where a ramp starts, and transition: step has none; take one of them away"
    if _has(row, "requests"):
        yield (*at, "from"), "says where a ramp starts, and a stage with requests has none; take it away"


def _has(row: Any, key: str) -> bool:
    return isinstance(row, dict) and row.get(key) is not None


def _rows(data: Any) -> dict[int, Any]:
    stages = data.get("stages") if isinstance(data, dict) else None
    return {
        i: row for i, row in enumerate(stages if isinstance(stages, list) else []) if isinstance(row, dict)
    }
