"""Outcome classes, their precedence and their details, from real answers."""

from __future__ import annotations

import gc
import socket

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.transport.call import call
from tokenswarm.transport.endpoint import Timeouts
from tokenswarm.wire.dialect import Request

KEY = "sk-live/0123456789 +abcdef"


def whole(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, lines, len(body), body)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (b"400 Bad Request", "http_4xx"),
        (b"401 Unauthorized", "http_4xx"),
        (b"404 Not Found", "http_4xx"),
        (b"429 Too Many Requests", "rate_limited"),
        (b"499 Gone", "http_4xx"),
        (b"500 Internal Server Error", "http_5xx"),
        (b"503 Service Unavailable", "http_5xx"),
        (b"529 Overloaded", "rate_limited"),
        (b"302 Found", "malformed"),
        (b"304 Not Modified", "malformed"),
        (b"600 What", "malformed"),
    ],
)
def test_status_decides_the_outcome(serve, connect, ask, status, outcome):
    """The connection of a complete error answer is kept: a storm of 429s must not become one of connects."""
    server = serve(lambda peer: (peer.request(), peer.send(whole(b"", status)), peer.until_client_closes()))
    connection = connect(server.url)
    record = ask(connection)
    assert (record.outcome, record.status) == (outcome, int(status[:3]))
    assert record.ended_at_s is not None
    assert connection.is_open


def test_error_body_becomes_one_line(serve, connect, ask):
    """Message, type and code, white space folded, no longer than a report's line."""
    body = b"no upstream\r\n\t is   up " + b"x" * 1000 + b"|overloaded"
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(whole(body, b"503 Busy")))).url))
    assert record.detail.startswith("HTTP 503: no upstream is up xxx")
    assert len(record.detail) == 300
    assert record.detail.endswith("…")


def test_error_type_is_shown(serve, connect, ask):
    """A short message leaves room for the type."""
    answer = whole(b"slow down|rate_limit", b"429 Too Many Requests", b"retry-after: 2")
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(answer))).url))
    assert record.detail == "HTTP 429: slow down (rate_limit)"
    assert (b"retry-after", b"2") in record.headers


def test_error_body_is_read_within_a_bound(serve, connect, ask):
    """An endless error page is left, and costs its connection."""
    head = b"HTTP/1.1 500 Oops\r\ncontent-length: 100000000\r\n\r\n"
    server = serve(
        lambda peer: (peer.request(), peer.send(head + b"y" * 200_000), peer.until_client_closes())
    )
    connection = connect(server.url, drain_s=0.1)
    assert ask(connection).outcome == "http_5xx"
    assert not connection.is_open


def test_error_body_cut_short_keeps_its_class(serve, connect, ask):
    """The status has said what failed."""
    head = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 100\r\n\r\nupstream reset"
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(head))).url))
    assert (record.outcome, record.detail) == ("http_5xx", "HTTP 502: upstream reset")


def test_redirect_names_its_target(serve, connect, ask):
    """A redirect is a wrong URL in the profile: the line says where it leads."""
    answer = whole(b"", b"308 Permanent Redirect", b"location: https://elsewhere.example/v1")
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(answer))).url))
    assert record.detail == "unexpected redirect: HTTP 308 to https://elsewhere.example/v1"


@pytest.mark.parametrize(
    ("body", "outcome", "detail"),
    [
        (b"text:a\nfinish:stop\ndone\n", "success", ""),
        (b"think:a\nfinish:stop\ndone\n", "success", ""),
        (b"tool:f\nfinish:tool_calls\ndone\n", "success", ""),
        # An error event wins, whether or not a terminal event follows it.
        (b"text:a\nfault:upstream died\n", "stream_error", "upstream died (overloaded, 529)"),
        (b"text:a\nfault:upstream died\ndone\n", "stream_error", "upstream died (overloaded, 529)"),
        (
            b"text:a\nfault:upstream died\nfinish:stop\ndone\n",
            "stream_error",
            "upstream died (overloaded, 529)",
        ),
        # What follows the terminal event is not looked at.
        (b"text:a\nfinish:stop\ndone\nfault:late\n", "success", ""),
        # 200 and a terminal event without a finish reason: the upstream was cut.
        (b"text:a\ndone\n", "truncated", "the answer ended without a finish reason: its upstream was cut"),
        (b"done\n", "truncated", "the answer ended without a finish reason: its upstream was cut"),
        (b"text:a\nfinish:stop\n", "truncated", "the answer ended without its terminal event"),
        (b"text:a\n", "truncated", "the answer ended without its terminal event"),
        (b"", "truncated", "the answer ended without its terminal event"),
        (b"started:x\nfinish:stop\ndone\n", "empty", "finish reason 'stop', but no content"),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
def test_what_ends_an_answer_first_decides(serve, connect, ask, body, outcome, detail, is_stream):
    """The precedence of answer.py, over the wire."""
    server = serve(lambda peer: (peer.request(), peer.send(whole(body)), peer.until_client_closes()))
    record = ask(connect(server.url), stream=is_stream)
    assert (record.outcome, record.detail) == (outcome, detail)


def test_terminal_event_before_a_reset_is_a_success(serve, connect, ask):
    """The answer was over: what the server does with its connection afterwards is not the call's."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
    server = serve(lambda peer: (peer.request(), peer.send(head + b"text:a\nfinish:stop\ndone\n")))
    connection = connect(server.url)
    assert ask(connection).outcome == "success"
    assert not connection.is_open


def test_html_with_status_200_is_malformed(serve, connect, ask):
    """A login page of some proxy is no answer."""
    answer = whole(b"<html>", b"200 OK", b"content-type: text/html")
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(answer))).url))
    assert (record.outcome, record.detail) == ("malformed", "an HTML page")


def test_reasoning_is_a_first_token_but_not_a_first_output(serve, connect, ask):
    """A stream of reasoning alone has a TTFT and no TTFO."""
    body = b"think:hm\nfinish:length\ndone\n"
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(whole(body)))).url))
    assert record.ttft_s is not None
    assert record.ttfo_s is None
    assert record.output_chars == 2


def test_tokens_are_estimated_when_the_server_sends_no_usage(serve, connect, ask):
    """About four characters a token, and marked."""
    body = b"text:123456789\nfinish:stop\ndone\n"
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(whole(body)))).url))
    assert (record.output_tokens, record.tokens_estimated) == (3, True)


def test_refused_connection(connect, ask):
    """Nobody listens: class, address and reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening
        port = taken.getsockname()[1]
        record = ask(connect(f"http://127.0.0.1:{port}"))
    assert (record.outcome, record.detail) == ("connect", f"connect to 127.0.0.1:{port}: Connection refused")
    assert record.ended_at_s is not None
    assert record.connect_s is None
    assert record.started_at_s is None


def test_unknown_host(connect, ask):
    """`.invalid` never resolves (RFC 6761, 6.4)."""
    record = ask(connect("http://gateway.invalid"))
    assert record.outcome == "connect"
    assert record.detail.startswith("connect to gateway.invalid:80: host name not resolved: ")


def test_failed_connects_leave_no_socket_behind(connect, ask):
    """A soak against a dead target must not run out of files; an unclosed one would warn here."""
    connection = connect("http://127.0.0.1:1")
    for _ in range(50):
        assert ask(connection).outcome == "connect"
    gc.collect()


@pytest.mark.parametrize("how", ["bearer", "x-api-key"])
def test_key_never_reaches_the_detail(serve, connect, ask, how):
    """A server that echoes what we sent is redacted, even where the line is cut."""
    key = "sk-live-0123456789"
    echo = b"bad key: Bearer " + key.encode() + b" " + b"z" * 265 + key.encode()
    server = serve(lambda peer: (peer.request(), peer.send(whole(echo, b"401 Unauthorized"))))
    record = ask(connect(server.url, key=key, key_sent_as=how, headers={"x-secret": "hush-hush"}))
    assert record.detail.startswith("HTTP 401: bad key: Bearer [redacted] zzz")
    assert "sk-live" not in record.detail


def test_key_in_the_path_never_reaches_the_detail(serve, connect, ask):
    """Neither as it is nor as the path spells it; and a redirect often repeats the path."""
    seen = []

    def script(peer):
        line = peer.request().split(b"\r\n")[0]
        seen.append(line)
        peer.send(whole(b"", b"301 Moved", b"location: https://new.example" + line.split()[1]))

    server = serve(script)
    record = ask(connect(server.url + "/keys/{key}", key=KEY, key_sent_as="path"))
    assert seen == [b"POST /keys/sk-live%2F0123456789%20%2Babcdef/v1/lines HTTP/1.1"]
    assert record.detail == "unexpected redirect: HTTP 301 to https://new.example/keys/[redacted]/v1/lines"


@pytest.mark.parametrize("is_stream", [True, False])
def test_bug_in_a_decoder_raises(serve, connect, dialect, is_stream):
    """A failed call is data; a bug is not, and closes the connection if it isn't done with the answer."""
    server = serve(
        lambda peer: (peer.request(), peer.send(whole(b"no-such-event:1\n")), peer.until_client_closes())
    )
    connection = connect(server.url, timeouts=Timeouts())
    record = CallRecord(0.0)
    record.stream = is_stream
    with pytest.raises(KeyError):
        call(connection, dialect, Request("/v1/lines", b""), record)
    assert (record.outcome, record.detail) == ("interrupted", "stopped by KeyError")
    assert connection.is_open == (not is_stream)
