"""What a chat completion says, read the same from a stream's chunk and from a whole body.

    {id, model, choices: [{index, delta or message, finish_reason}], usage}

What it says of all its choices is one event of a kind: two choices that write text in one chunk are
one TextDelta, so that content events count chunks.

Every function here raises one of WRONG_SHAPE for JSON that is no chat completion.
"""

from __future__ import annotations

from typing import Any, Final

from tokenswarm.wire.error_body import fault_of
from tokenswarm.wire.events import (
    Done,
    Event,
    Finished,
    Malformed,
    ReasoningDelta,
    Started,
    StreamFault,
    TextDelta,
    ToolDelta,
    Usage,
    Whole,
)
from tokenswarm.wire.json_object import COST_KEYS, WRONG_SHAPE, JsonObject, cost_in, count_in
from tokenswarm.wire.outline import outline

_NO_COUNTS: Final = Usage()
_BEYOND_TEXT: Final = frozenset({"refusal", "reasoning_content", "reasoning", "tool_calls", "function_call"})
_TOOL_KINDS: Final = (("function", "arguments"), ("custom", "input"))


def read_completion(document: JsonObject) -> list[Event]:
    """All that a whole body says."""
    whole = _whole(document)
    if whole is not None:
        return [whole]
    reasons: dict[int, str] = {}
    try:
        events = started(document)
        read_choices(document["choices"], "message", reasons, events)
        events += usage(document)
        events += finished(reasons)
        events.append(Done())
    except WRONG_SHAPE:
        return [Malformed(f"not a chat completion: {outline(document)}")]
    return events


def _whole(document: JsonObject) -> Whole | None:
    """What the body says if that is text of one choice with its reason to stop, and no more."""
    try:
        (choice,) = document["choices"]
        id_, model = document.get("id", ""), document.get("model", "")
        said, reason = choice["message"], choice["finish_reason"]
        text = said["content"]
        if not (type(id_) is type(model) is type(text) is type(reason) is str and text and reason):
            return None
        if reason == "error" or (not _BEYOND_TEXT.isdisjoint(said) and any(map(said.get, _BEYOND_TEXT))):
            return None
        return Whole(id_, model, text, reason, _counts(document))
    except (*WRONG_SHAPE, ValueError):  # a key that some leave out, or no completion: not for us to say
        return None


def started(answer: JsonObject) -> list[Event]:
    """Nothing while id and model are empty: Azure opens its streams with a chunk like that."""
    id_, model = answer.get("id"), answer.get("model")
    if type(id_) is type(model) is str and id_:
        return [Started(id_, model)]
    if not id_ and not model:
        return []
    return [Started(id_ if isinstance(id_, str) else "", model if isinstance(model, str) else "")]


def read_choices(choices: list[Any], key: str, reasons: dict[int, str], events: list[Event]) -> None:
    """Appends to `events` the content under `key` (delta or message) of all choices.

    `reasons` gets why each choice stopped, empty for one that hasn't yet.
    """
    text = reasoning = tools = ""
    failed: JsonObject | None = None
    for choice in choices:
        said = choice.get(key)
        if said:
            text += said.get("content") or said.get("refusal") or ""
            # Some send the same text under both names.
            reasoning += said.get("reasoning_content") or said.get("reasoning") or ""
            if "tool_calls" in said or "function_call" in said:
                tools += _tool_text(said)
        index = choice.get("index", 0)
        reason = choice.get("finish_reason")
        if reason == "error":
            failed = choice
        elif not reasons.get(index):
            reasons[index] = str(reason or "")
    if reasoning:
        events.append(ReasoningDelta(reasoning))
    if text:
        events.append(TextDelta(text))
    if tools:
        events.append(ToolDelta(tools))
    if failed is not None:
        events.append(choice_fault(failed))


def finished(reasons: dict[int, str]) -> list[Event]:
    """Finished with the first choice's reason, if every choice that was seen has one."""
    said = list(reasons.values())
    return [Finished(said[0])] if said and "" not in said else []


def usage(answer: JsonObject) -> list[Event]:
    """The counts that the answer holds; nothing for a usage that is absent, null or empty of counts."""
    counted = _counts(answer)
    return [] if counted is None else [counted]


def _counts(answer: JsonObject) -> Usage | None:
    said = answer.get("usage")
    if not said:
        return None
    # Without the functions for the two counts that are always there: a call takes longer than to look.
    given = said.get
    asked, answered = given("prompt_tokens"), given("completion_tokens")
    of_prompt, of_answer = given("prompt_tokens_details"), given("completion_tokens_details")
    counted = Usage(
        asked if type(asked) is int else None,
        answered if type(answered) is int else None,
        count_in(of_answer, "reasoning_tokens") if of_answer else None,
        count_in(of_prompt, "cached_tokens") if of_prompt else None,
        None if COST_KEYS.isdisjoint(said) else cost_in(said),
    )
    # The first count is there as a rule, and to compare all of them takes as long as to read them.
    return counted if counted.input_tokens is not None or counted != _NO_COUNTS else None


def choice_fault(choice: JsonObject) -> StreamFault:
    """The fault of a choice whose finish reason is `error`."""
    # OpenRouter may say what went wrong inside the choice, or nowhere.
    if choice.get("error"):
        return fault_of(choice)
    return StreamFault("the server ended a choice with finish_reason “error”")


def _tool_text(said: JsonObject) -> str:
    calls = said.get("tool_calls") or []
    pieces = [_named_text(call.get(kind), key) for call in calls for kind, key in _TOOL_KINDS]
    return "".join(pieces) + _named_text(said.get("function_call"), "arguments")  # the latter before 2024


def _named_text(function: JsonObject | None, key: str) -> str:
    if not function:
        return ""
    text: str = "" + (function.get("name") or "") + (function.get(key) or "")
    return text
