"""URLs, paths, headers and keys: what is sent where, and which mistakes are caught before any load."""

from __future__ import annotations

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.wire.dialect import Request

CHAT = "/v1/chat/completions"


def head(endpoint: Endpoint, *headers: tuple[str, str], path: str = CHAT) -> list[str]:
    """The request's lines, before the body."""
    whole = endpoint.request_bytes(Request(path, b"{}", headers)).decode("latin-1")
    return whole.partition("\r\n\r\n")[0].split("\r\n")


@pytest.mark.parametrize(
    ("url", "path", "target"),
    [
        ("http://x", CHAT, "/v1/chat/completions"),
        ("http://x/", CHAT, "/v1/chat/completions"),
        ("http://x/v1", CHAT, "/v1/chat/completions"),
        ("http://x/v1/", CHAT, "/v1/chat/completions"),
        ("http://x/gateway/v1", CHAT, "/gateway/v1/chat/completions"),
        ("http://x/gateway", CHAT, "/gateway/v1/chat/completions"),
        # Already complete: as it is.
        ("http://x/v1/chat/completions", CHAT, "/v1/chat/completions"),
        ("http://x/openai/chat/completions", CHAT, "/openai/chat/completions"),
        ("http://x/d/gpt/chat/completions?api-version=2", CHAT, "/d/gpt/chat/completions?api-version=2"),
        ("http://x/v1?a=1", "/v1/messages?b=2", "/v1/messages?a=1&b=2"),
        ("http://x/v1", "/other", "/v1/other"),
        ("http://x", "v1/messages", "/v1/messages"),
        ("http://x/a b/é", CHAT, "/a%20b/%C3%A9/v1/chat/completions"),
        ("http://x/a%2Fb", CHAT, "/a%2Fb/v1/chat/completions"),
    ],
)
def test_path_is_joined_to_the_url(url, path, target):
    """Users write any of these, and mean the same endpoint."""
    assert head(Endpoint.build(url), path=path)[0] == f"POST {target} HTTP/1.1"


@pytest.mark.parametrize(
    ("url", "host", "port", "header"),
    [
        ("http://gw.example", "gw.example", 80, "gw.example"),
        ("http://gw.example:80", "gw.example", 80, "gw.example"),
        ("https://gw.example", "gw.example", 443, "gw.example"),
        ("https://gw.example:8443", "gw.example", 8443, "gw.example:8443"),
        ("http://10.0.0.1:8000", "10.0.0.1", 8000, "10.0.0.1:8000"),
        ("http://[::1]:8000", "::1", 8000, "[::1]:8000"),
        ("http://[2001:db8::1]", "2001:db8::1", 80, "[2001:db8::1]"),
        ("http://bücher.example", "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
        (" http://gw.example \n", "gw.example", 80, "gw.example"),
    ],
)
def test_host_and_port(url, host, port, header):
    """The default port stays out of the host header; IPv6 literals keep their brackets there."""
    endpoint = Endpoint.build(url)
    assert (endpoint.host, endpoint.port) == (host, port)
    assert f"host: {header}" in head(endpoint)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:8000", "need http://HOST"),
        ("gw.example", "need http://HOST"),
        ("ftp://gw.example", "need http://HOST"),
        ("http://", "need http://HOST"),
        ("", "need http://HOST"),
        ("http://gw:99999", "Port out of range"),
        ("http://gw:0", "port 0"),
        ("http://gw:x", "Port could not be cast"),
        ("http://[::1", "Invalid IPv6"),
        ("http://" + "a" * 70 + ".example", "label"),
        ("http://me:hunter2@gw", "no user or password"),
        ("http://me:hunter2#x@gw", "no user or password"),
    ],
)
def test_bad_url_is_a_configuration_error(url, said):
    """One clear line, and no password in it."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        Endpoint.build(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("sent_as", "line"),
    [("bearer", "authorization: Bearer k1"), ("x-api-key", "x-api-key: k1"), ("Api-Key", "api-key: k1")],
)
def test_key_is_sent_as_asked(sent_as, line):
    """Bearer, or bare in a header of any name."""
    assert line in head(Endpoint.build("http://x", key="k1", key_sent_as=sent_as))


def test_key_in_the_path_is_sent_nowhere_else():
    """In the URL or in the dialect's path."""
    lines = head(Endpoint.build("http://x", key="a/b", key_sent_as="path"), path="/v1/{key}/chat?k={key}")
    assert lines[0] == "POST /v1/a%2Fb/chat?k=a%2Fb HTTP/1.1"
    assert not any("a/b" in line for line in lines)


def test_key_placeholder_without_a_key_is_a_configuration_error():
    """A literal {key} must never reach a server."""
    with pytest.raises(ConfigurationError, match="give a key"):
        Endpoint.build("http://x/{key}")
    with pytest.raises(ConfigurationError, match="has no key"):
        Endpoint.build("http://x").request_bytes(Request("/v1/{key}", b""))


def test_headers_of_the_user_have_the_last_word():
    """Then the dialect's, then ours; names don't care about case."""
    endpoint = Endpoint.build("http://x", headers={"User-Agent": "mine", "X-A": "user", "Host": "inner"})
    lines = head(endpoint, ("x-a", "dialect"), ("Content-Type", "text/plain"))
    assert {"user-agent: mine", "x-a: user", "host: inner", "content-type: text/plain"} <= set(lines)
    assert len(lines) == len({line.partition(":")[0] for line in lines})


@pytest.mark.parametrize("name", ["content-length", "Transfer-Encoding", "connection"])
def test_headers_that_frame_the_message_are_ours(name):
    """They would break the connection for all calls."""
    with pytest.raises(ConfigurationError, match="sets it itself"):
        Endpoint.build("http://x", headers={name: "1"})


@pytest.mark.parametrize(
    ("name", "value"), [("x y", "1"), ("", "1"), ("x", "sec\r\nret"), ("x", "sec\0ret"), ("x", "secrét")]
)
def test_bad_header_is_a_configuration_error(name, value):
    """No header can smuggle in another, and the message never shows the value."""
    with pytest.raises(ConfigurationError) as caught:
        Endpoint.build("http://x", headers={name: value})
    assert "sec" not in str(caught.value)


def test_key_with_a_line_feed_is_a_configuration_error():
    """The usual end of a key that was read from a file."""
    with pytest.raises(ConfigurationError, match="authorization"):
        Endpoint.build("http://x", key="sk-1\nx")


def test_repr_shows_no_secret():
    """It ends up in logs and tracebacks."""
    endpoint = Endpoint.build("http://x/k/hush", key="sk-1", headers={"authorization": "Basic abcdef"})
    assert not {"sk-1", "abcdef", "hush"} & set(repr(endpoint).replace("'", " ").replace("/", " ").split())
    assert "sk-1" not in repr(endpoint)


def test_redaction_spares_short_harmless_headers():
    """A budget of 5 tokens must not blot out every 5."""
    endpoint = Endpoint.build(
        "http://x", key="k1", headers={"x-token-budget": "5", "cookie": "a=bcdefg; h=i"}
    )
    assert endpoint.redact("k1 said 5 to a=bcdefg; h=i") == "[redacted] said 5 to [redacted]; h=i"


def test_redaction_finds_a_secret_that_was_cut():
    """An error body may end in the middle of the key that it repeats."""
    endpoint = Endpoint.build("http://x", key="sk-live-0123456789abcdef")
    assert endpoint.redact("bad key sk-live-0123456789ab") == "bad key [redacted]"
    assert endpoint.redact("sk-live-0123, or sk-live-0123456, no") == "[redacted], or [redacted], no"
    assert endpoint.redact("keys begin with sk-live-") == "keys begin with sk-live-"


@pytest.mark.parametrize("name", ["connect_s", "first_token_s", "idle_s", "total_s"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_timeouts_are_positive(name, value):
    """Zero would fail every call."""
    with pytest.raises(ConfigurationError, match=name):
        Timeouts(**{name: value})


def test_heads_that_differ_on_each_call_do_not_pile_up():
    """A header with a fresh id on each call must not fill the memory of a soak."""
    endpoint = Endpoint.build("http://x")
    for number in range(5000):
        endpoint.request_bytes(Request(CHAT, b"", (("x-id", str(number)),)))
    assert len(endpoint._heads) <= 1024
