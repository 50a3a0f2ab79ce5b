"""OpenAI's Realtime API over a WebSocket, text in and text out; its general release and its beta.

    open                        ◄─ session.created
    response.create ─►          ◄─ response.created
                                ◄─ response.output_text.delta …      (beta: response.text.delta …)
                                ◄─ response.done {status, usage}     or error

Each call is out of band (`conversation: none`, its input in the request): in one conversation every
answer would be part of the next prompt, so that later calls would cost more than earlier ones. Both
generations of event names are understood, whichever was asked for, as gateways mix them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import orjson

from tokenswarm.errors import ConfigurationError
from tokenswarm.wire.contract import ChatOptions, ErrorBody, Request
from tokenswarm.wire.error_body import error_of, read_error
from tokenswarm.wire.events import (
    Done,
    Event,
    Finished,
    Malformed,
    Started,
    StreamFault,
    TextDelta,
    ToolDelta,
    Usage,
)
from tokenswarm.wire.outline import outline
from tokenswarm.wire.socket_message import read_message

_PATH: Final = "/v1/realtime"
_BETA_HEADER: Final = ("openai-beta", "realtime=v1")
# Each carries the `delta` of a text that will be shown, spoken or executed.
_DELTAS: Final[dict[str, Callable[[str], Event]]] = {
    "response.output_text.delta": TextDelta,
    "response.output_audio_transcript.delta": TextDelta,
    "response.text.delta": TextDelta,
    "response.audio_transcript.delta": TextDelta,
    "response.function_call_arguments.delta": ToolDelta,
}
_FINISHED: Final = frozenset({"completed", "incomplete"})
_REASONS: Final = {"completed": "stop", "max_output_tokens": "length"}  # as chat completions word them
_MAX_TEMPLATES: Final = 64


class Realtime:
    """The dialects `openai-realtime` and `openai-realtime-beta`."""

    def __init__(self, *, is_beta: bool = False) -> None:
        self.name = "openai-realtime-beta" if is_beta else "openai-realtime"
        self._is_beta = is_beta
        self._templates: dict[int, tuple[ChatOptions, str, bytes, bytes]] = {}

    def encode(self, prompt: str, options: ChatOptions, path: str | None = None) -> Request:
        """`response.create` with the prompt as its only input."""
        template = self._templates.get(id(options))  # by identity, as options can't be hashed
        if template is None:
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            template = self._templates[id(options)] = self._template(options)
        _, own_path, before, after = template
        headers = (_BETA_HEADER,) if self._is_beta else ()
        return Request(own_path if path is None else path, before + orjson.dumps(prompt) + after, headers)

    def session(self) -> RealtimeSession:
        """A new connection's state."""
        return RealtimeSession()

    def read_error(self, body: bytes) -> ErrorBody:
        """What the body of a refused upgrade says."""
        return read_error(body)

    def _template(self, options: ChatOptions) -> tuple[ChatOptions, str, bytes, bytes]:
        names = (
            ("modalities", "max_response_output_tokens")
            if self._is_beta
            else ("output_modalities", "max_output_tokens")
        )
        fields = {
            "conversation": "none",
            names[0]: ["text"],
            names[1]: options.max_tokens,
            "instructions": options.system,
            "temperature": options.temperature if self._is_beta else None,  # gone from the general release
            **options.extra,
        }
        try:
            head = orjson.dumps({key: value for key, value in fields.items() if value is not None})
        except TypeError as error:
            raise ConfigurationError(f"extra: can't be written as JSON: {error}") from error
        before = (
            b'{"type":"response.create","response":%b,"input":[{"type":"message","role":"user",'
            b'"content":[{"type":"input_text","text":' % head[:-1]
        )
        return options, f"{_PATH}?model={quote(options.model, safe='')}", before, b"}]}]}}"


class RealtimeSession:
    """One connection: which response is the call's, and what its events mean."""

    __slots__ = ("_is_over", "_past_id", "_response_id", "is_ready")

    def __init__(self) -> None:
        self.is_ready = False
        self._response_id = ""
        self._past_id = ""  # the last call's: it may have failed while its response went on
        self._is_over = False

    def begin(self) -> None:
        """The next call starts."""
        self._past_id = self._response_id or self._past_id
        self._response_id = ""
        self._is_over = False

    def feed(self, message: bytes) -> list[Event]:
        """The events of one server event."""
        said = read_message(message)
        if isinstance(said, Malformed):
            return [said]
        try:
            kind = said["type"]
            delta = _DELTAS.get(kind)
            if delta is not None:
                text = said["delta"]
                # Whatever isn't a string fails here, as a wrong shape.
                return [delta("" + text)] if text and self._is_ours(said.get("response_id")) else []
            read = _READERS.get(kind)
            return [] if read is None else read(self, said)
        except (AttributeError, KeyError, TypeError):
            return [Malformed(f"not a Realtime event: {outline(said)}")]

    def _is_ours(self, response_id: object) -> bool:
        if isinstance(response_id, str) and response_id:
            if response_id == self._past_id:
                return False
            self._response_id = self._response_id or response_id
        return not self._is_over

    def _greeted(self, said: dict[str, Any]) -> list[Event]:
        del said
        self.is_ready = True
        return []

    def _created(self, said: dict[str, Any]) -> list[Event]:
        response = said["response"]
        if not self._is_ours(response.get("id")):
            return []
        return [Started(self._response_id, "")]

    def _done(self, said: dict[str, Any]) -> list[Event]:
        response = said["response"]
        if not self._is_ours(response.get("id")):
            return []
        self._is_over = True
        events = _usage(response.get("usage"))
        status = response["status"]
        details = response.get("status_details") or {}
        if status == "failed":
            error = error_of(details)
            return [*events, StreamFault(error.message or "the response failed", error.kind, error.code)]
        if status in _FINISHED:
            reason = str(details.get("reason") or status)
            events.append(Finished(_REASONS.get(reason, reason)))
        # A cancelled one has no reason to have stopped: it counts as cut.
        return [*events, Done()]

    def _failed(self, said: dict[str, Any]) -> list[Event]:
        self._is_over = True
        error = error_of(said)
        return [StreamFault(error.message or outline(said), error.kind, error.code)]


_READERS: Final[dict[str, Callable[[RealtimeSession, dict[str, Any]], list[Event]]]] = {
    "session.created": RealtimeSession._greeted,
    "response.created": RealtimeSession._created,
    "response.done": RealtimeSession._done,
    "error": RealtimeSession._failed,
}


def _usage(said: dict[str, Any] | None) -> list[Event]:
    if not said:
        return []
    counted = Usage(
        input_tokens=_count(said.get("input_tokens")),
        output_tokens=_count(said.get("output_tokens")),
        cached_input_tokens=_count((said.get("input_token_details") or {}).get("cached_tokens")),
    )
    return [] if counted == Usage() else [counted]


def _count(value: object) -> int | None:
    return value if type(value) is int else None
