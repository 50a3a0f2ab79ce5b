"""What a worker may say to its master: the shape of each message, by its type.

Locust believes whatever comes, and one wrong type ends the greenlet that listens to all workers.
Lists and maps are bounded, numbers finite; a type that is not in MESSAGES is no message.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tokenswarm.swarm.sent_prompts import MOST_BYTES

DRAINED: Final = "tokenswarm_drained"  # all that this worker measured has been sent
UNFIT: Final = "tokenswarm_unfit"  # this worker can't take part, and why
MOST_REASON: Final = 1_000

_MOST_ROWS: Final = 1_000
_Name = Annotated[str, Field(max_length=500)]
_Text = Annotated[str, Field(max_length=20_000)]
_Count = Annotated[int, Field(ge=0, le=10**12)]
_Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
_Seconds = Annotated[dict[int, _Count], Field(max_length=_MOST_ROWS)]  # how many in each second
_Users = Annotated[dict[_Name, _Count], Field(max_length=100)]


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Heartbeat(_Message):
    # "missing" is what the master calls a worker, never what a worker calls itself.
    state: Literal["ready", "spawning", "running", "cleanup", "stopping", "stopped"]
    current_cpu_usage: _Share
    current_memory_usage: _Count = 0


class _Row(_Message):
    """Locust's statistics of one name and method."""

    name: _Name
    method: _Name
    last_request_timestamp: _Number | None
    start_time: _Number
    num_requests: _Count
    num_none_requests: _Count
    num_failures: _Count
    total_response_time: _Number
    max_response_time: _Number
    min_response_time: _Number | None
    total_content_length: _Count
    response_times: Annotated[dict[int, _Count], Field(max_length=_MOST_ROWS)]
    num_reqs_per_sec: _Seconds
    num_fail_per_sec: _Seconds


class _Error(_Message):
    name: _Name
    method: _Name
    error: _Text
    occurrences: _Count
    first_seen: _Number | None = None
    last_seen: _Number | None = None


class _Prompts(_Message):
    """How many were sent, and hashes by which different ones are counted."""

    sent: _Count
    hashes: Annotated[bytes, Field(max_length=MOST_BYTES)]


class _Stats(_Message):
    # A scenario's own listeners may add to the report; what is ours in it is read in swarm/merge.py.
    model_config = ConfigDict(strict=True, extra="allow")

    stats: Annotated[list[_Row], Field(max_length=_MOST_ROWS)]
    stats_total: _Row
    errors: Annotated[dict[_Name, _Error], Field(max_length=_MOST_ROWS)]
    user_classes_count: _Users
    user_count: _Count
    tokenswarm_cpu: _Share = 0.0
    tokenswarm_last_call: _Number = 0.0
    tokenswarm_sockets: _Count = 0
    tokenswarm_prompts: _Prompts | None = None


class _SpawningComplete(_Message):
    user_classes_count: _Users
    user_count: _Count


class _Logs(_Message):
    worker_id: _Name
    logs: Annotated[list[_Text], Field(max_length=_MOST_ROWS)]


class _UserError(_Message):
    msg: _Text
    traceback: _Text


class _Drained(_Message):
    calls: _Count


class _Unfit(_Message):
    reason: Annotated[str, Field(max_length=MOST_REASON)]


# None: the type says it all. `client_ready` is what a worker introduces itself by: swarm/introduction.py.
MESSAGES: Final[dict[str, type[_Message] | None]] = {
    "client_stopped": None,
    "exception": _UserError,
    "heartbeat": _Heartbeat,
    "logs": _Logs,
    "quit": None,
    "spawning": None,
    "spawning_complete": _SpawningComplete,
    "stats": _Stats,
    DRAINED: _Drained,
    UNFIT: _Unfit,
}


def problem_in(kind: str, data: Any) -> str:
    """What is wrong with a message; "" if nothing is. Never raises, whatever the data are."""
    if kind not in MESSAGES:
        return f"{kind!r:.60} is no message of a worker"
    shape = MESSAGES[kind]
    if shape is None:
        return "" if data is None else f"{kind} carries nothing"
    if not isinstance(data, dict):
        return f"{kind}: need a map, got {type(data).__name__}"
    try:
        shape.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][:4])
        return f"{kind}: {place:.80}: {first['msg']:.120}"
    except RecursionError:
        return f"{kind}: nested too deep"
    return ""
