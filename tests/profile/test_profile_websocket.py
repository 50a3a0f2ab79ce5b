"""Targets that are spoken to over a WebSocket: what their files may say, and what is told of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.profile.load import load_target
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.scenario import check_target, dialect_of
from tokenswarm.profile.target import Target
from tokenswarm.wire.contract import ChatOptions
from tokenswarm.wire.dialect import DIALECTS
from tokenswarm.wire.events import Done, StreamFault, TextDelta, Usage
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

ROOT = Path(__file__).parents[2]
OWN = """
url: wss://gateway.example/chat?v=2
dialect: websocket
model: big
websocket:
  ping: 20s
  send: {op: ask, body: {text: "Q: {prompt}", to: "{model}", most: "{max_tokens}"}, tags: ["{model}"], n: 1}
  ready: {path: op, equals: hello}
  delta: {path: "choices[0].delta", text: "choices[0].delta.content"}
  done: {path: op, regex: "^(end|stop)$"}
  error: {path: error.code, text: error.message}
  usage: {output_tokens: stats.out}
"""


def loaded(tmp_path: Path, text: str) -> Target:
    (tmp_path / "mine.yaml").write_text(text)
    dialects = (*DIALECTS, *SOCKET_DIALECTS)
    return load_target("mine.yaml", SearchPath.of(tmp_path), {}, dialects=dialects)


def said(tmp_path: Path, text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, text)
    return str(caught.value)


def test_a_described_chat_is_sent_and_read_as_described(tmp_path: Path) -> None:
    """Template, greeting, pieces, end, error and usage: from the file to events."""
    target = loaded(tmp_path, OWN)
    assert (target.is_socket, target.websocket.ping_s) == (True, 20.0)
    dialect = SOCKET_DIALECTS["websocket"](target.websocket.messages())
    options = ChatOptions(model="big", stream=True, max_tokens=5)
    request = dialect.encode('say "{model}"', options)
    assert request.body == (
        b'{"op":"ask","body":{"text":"Q: say \\"{model}\\"","to":"big","most":5},"tags":["big"],"n":1}'
    )
    session = dialect.session()
    assert not session.is_ready
    assert session.feed(b'{"op":"hello"}') == []
    assert session.is_ready
    assert session.feed(b'{"op":"x","choices":[{"delta":{"content":"Hi"}}]}') == [TextDelta("Hi")]
    assert session.feed(b'{"error":{"code":7,"message":"no"}}') == [StreamFault("no")]
    assert session.feed(b'{"op":"other"}') == []
    assert session.feed(b'{"op":"ended"}') == []
    events = session.feed(b'{"op":"end","stats":{"out":3}}')
    assert events[0] == Usage(output_tokens=3)
    assert events[-1] == Done()


def test_a_chat_may_be_plain_text(tmp_path: Path) -> None:
    """Not every gateway speaks JSON: whole messages, with a group for the words."""
    target = loaded(
        tmp_path,
        "url: ws://h\ndialect: websocket\nmodel: m\nwebsocket:\n"
        '  send: "ASK {model} {max_tokens} {prompt}"\n'
        '  delta: {regex: "^DATA (.*)"}\n'
        "  done: {equals: END}\n  error: {contains: FAIL}\n",
    )
    dialect = SOCKET_DIALECTS["websocket"](target.websocket.messages())
    assert dialect.encode("why?", ChatOptions(model="m", stream=True)).body == b"ASK m  why?"
    session = dialect.session()
    assert session.feed(b"DATA line\nand line") == [TextDelta("line\nand line")]
    assert session.feed(b"DATA ") == []
    assert session.feed(b"it FAILed") == [StreamFault("it FAILed")]
    assert session.feed(b"END")[-1] == Done()


@pytest.mark.parametrize(
    ("rule", "message", "is_delta"),
    [
        ("{path: a, equals: 1}", b'{"a":1,"t":"x"}', True),
        ("{path: a, equals: 1}", b'{"a":true,"t":"x"}', False),
        ("{path: a, equals: true}", b'{"a":true,"t":"x"}', True),
        ("{path: a, equals: true}", b'{"a":1,"t":"x"}', False),
        ("{path: a, equals: x}", b'{"b":"x","t":"x"}', False),
        ("{path: a, contains: b}", b'{"a":"abc","t":"x"}', True),
        ("{path: a, contains: b}", b'{"a":["b"],"t":"x"}', True),
        ("{path: a, contains: b}", b'{"a":5,"t":"x"}', False),
        ("{path: a, regex: ^b}", b'{"a":"bc","t":"x"}', True),
        ("{path: a, regex: ^b}", b'{"a":["bc"],"t":"x"}', False),
        ("{path: a}", b'{"a":null,"t":"x"}', True),
        ("{path: a}", b'["a"]', False),
    ],
)
def test_a_rule_holds_for_the_messages_that_it_means(
    tmp_path: Path, rule: str, message: bytes, is_delta: bool
) -> None:
    """equals tells true from 1, contains looks into text and lists, a path alone asks only for its place."""
    rule = rule.replace("}", ", text: t}")
    target = loaded(
        tmp_path,
        "url: ws://h\ndialect: websocket\nmodel: m\nwebsocket:\n"
        f'  send: "{{prompt}}"\n  delta: {rule}\n  done: {{path: done}}\n',
    )
    session = SOCKET_DIALECTS["websocket"](target.websocket.messages()).session()
    assert session.feed(message) == ([TextDelta("x")] if is_delta else [])


WS = "url: ws://h\nmodel: m\ndialect: websocket\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("url: ws://h\nmodel: m\n", "dialect openai-chat is HTTP"),
        ("url: http://h\nmodel: m\nwebsocket: {ping: 5s}\n", "websocket says nothing to dialect openai-chat"),
        (
            WS.replace("websocket", "openai-realtime")
            + "websocket: {delta: {path: a}, done: {path: b}, send: '{prompt}'}",
            "has its own messages",
        ),
        (WS + "websocket: {send: '{prompt}'}", "give all three"),
        (WS + "websocket: {send: hi, delta: {path: a}, done: {path: b}}", "has no {prompt}"),
        (WS + "websocket: {delta: {path: a, equals: b, regex: c}}", "got equals and regex; take one of them"),
        (WS + "websocket: {delta: {}}", "says nothing; give a path"),
        (WS + "websocket: {delta: {regex: '('}}", "no regular expression"),
        (WS + "websocket: {delta: {path: 'a..b'}}", "need keys and"),
        (WS + "tls: {verify: false}", "tls does nothing for an ws:// url"),
        ("url: ftp://h\nmodel: m\n", "ws:// and wss:// for a WebSocket"),
        ("url: wss://h/ws?token=abc\nmodel: m\ndialect: websocket\n", "looks like a secret"),
        ("url: ws://h\nmodel: m\ndialect: websockets\n", "did you mean websocket"),
    ],
)
def test_mistakes_are_told_before_any_call(tmp_path: Path, text: str, complaint: str) -> None:
    """What was found, and what is allowed."""
    assert complaint in said(tmp_path, text)


@pytest.mark.parametrize(
    ("scenario", "url", "dialect"),
    [
        ("chat", "http://h", "openai-chat"),
        ("chat", "ws://h/ws", "websocket"),
        ("chat", "wss://h/v1/realtime", "openai-realtime"),
        ("realtime", "http://h", "openai-realtime"),
        ("websocket_chat", "http://h", "websocket"),
        ("realtime", "", "openai-realtime"),
    ],
)
def test_a_url_is_spoken_to_as_its_scenario_does(scenario: str, url: str, dialect: str) -> None:
    """A URL can't name a dialect; what runs against it can."""
    assert dialect_of(scenario, url) == dialect


def test_a_scenario_of_connections_refuses_a_target_of_requests() -> None:
    """Before any load, and with a way out."""
    target = Target(name="litellm", url="http://h", model="m")
    with pytest.raises(ConfigurationError, match=r"speaks openai-chat; name a target .*openai-realtime"):
        check_target("realtime", target)
    check_target("chat", target)


def test_no_locustfile_has_the_name_of_a_library() -> None:
    """Locust puts their folder first on the import path: websocket.py would stand before websocket-client."""
    import importlib.util

    stems = [file.stem for file in (ROOT / "locustfiles").glob("*.py")]
    assert stems
    assert [stem for stem in stems if importlib.util.find_spec(stem) is not None] == []
