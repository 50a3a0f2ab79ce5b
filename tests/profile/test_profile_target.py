"""Targets: where to aim, and that no key is ever kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tokenswarm.errors import ProfileError
from tokenswarm.profile.load import load_target
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.target import Target


def read(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Target:
    """The target that this text describes."""
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    return load_target("mine.yaml", SearchPath.of(tmp_path), environ or {})


def test_url_is_a_target_of_its_own(tmp_path: Path) -> None:
    """Named after its host; the model comes from the environment or an option."""
    places = SearchPath.of(tmp_path)
    target = load_target("https://gateway.example:8443/v1", places, {"TOKENSWARM_MODEL": "m"})
    assert (target.name, target.url) == ("gateway.example:8443", "https://gateway.example:8443/v1")
    assert (target.model, target.dialect, target.key_env) == ("m", "openai-chat", "TOKENSWARM_API_KEY")
    assert load_target("http://h", places, {"TOKENSWARM_MODEL": "m"}, model="n").model == "n"


def test_url_without_a_model_says_where_to_name_one(tmp_path: Path) -> None:
    """There is no model that every gateway has."""
    with pytest.raises(
        ProfileError,
        match=r"^--target: no model; name one with --model, or in TOKENSWARM_MODEL$",
    ):
        load_target("http://h", SearchPath.of(tmp_path), {})


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h",
        "http://",
        "http://h:0",
        "http://h:99999",
        "http://u:hunter2@h",
        "http://h/#x",
        "http://h?api_key=hunter2",
    ],
)
def test_url_that_cannot_be_called_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    """A password in a URL must not reach a log by way of the message about it."""
    with pytest.raises(ProfileError) as caught:
        load_target(url, SearchPath.of(tmp_path), {"TOKENSWARM_MODEL": "m"})
    assert "--target: " in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_model_of_the_command_goes_before_the_files(tmp_path: Path) -> None:
    """Option, then environment, then file."""
    text = "url: http://h\nmodel: from-file"
    assert read(tmp_path, text).model == "from-file"
    assert read(tmp_path, text, {"TOKENSWARM_MODEL": "from-env"}).model == "from-env"


def test_secrets_are_read_when_needed_and_never_resolved(tmp_path: Path) -> None:
    """What a run folder keeps of a target holds the names of secrets, not the secrets."""
    text = (
        "url: http://h\nmodel: m\nkey_env: MY_KEY\n"
        "headers: {authorization: 'Bearer ${TOKEN}', x-team: load, x-zone: '${ZONE:-eu}'}"
    )
    environ = {"MY_KEY": "hunter2", "TOKEN": "hunter3"}
    target = read(tmp_path, text, environ)
    assert target.key(environ) == "hunter2"
    assert target.key({}) is None
    sent = {"authorization": "Bearer hunter3", "x-team": "load", "x-zone": "eu"}
    assert target.sent_headers(environ) == sent
    assert "hunter" not in repr(target) + str(target.resolved())
    assert Target.from_resolved(target.resolved()).sent_headers(environ) == sent


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path: /ak/{key}/v1/messages", "key_in: path and {key} in path or url belong together"),
        ("key_in: path", "key_in: path and {key} in path or url belong together"),
        ("path: v1", "path: got v1, need a path that begins with /"),
        ("path: /v1?api-key=abc", "path: the query's api-key looks like a secret; in a target's file write"),
        ("tls: {verify: false}", "tls does nothing for an http:// url"),
        ("key_env: my_key", "key_env: need the NAME of an environment variable, in capitals"),
        ("headers: {x-auth-token: abc}", "headers.x-auth-token: looks like a secret"),
        ("headers: {x-auth-token: '${T:-abc}'}", "headers.x-auth-token: looks like a secret: no default"),
        ("headers: {x-auth-token: '${T}abc'}", "headers.x-auth-token: looks like a secret: take all of it"),
        ("api-key: abc", "api-key: a key never stands in a file"),
        ("timeout: 5s", "timeout: unknown key, allowed: url, path, key_env"),
    ],
)
def test_target_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Each with what to do instead."""
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, f"url: http://h\nmodel: m\n{text}", {"T": "x"})
    assert said in str(caught.value)
    assert "abc" not in str(caught.value)


def test_key_may_stand_in_the_path(tmp_path: Path) -> None:
    """Some gateways take the key as a part of the path."""
    target = read(tmp_path, "url: http://h\nmodel: m\nkey_in: path\npath: '/ak/{key}/v1/messages'")
    assert (target.path, target.key_in) == ("/ak/{key}/v1/messages", "path")


def test_tls_files_lie_beside_the_targets_file(tmp_path: Path) -> None:
    """Wherever the command is run."""
    (tmp_path / "ca.pem").touch()
    target = read(tmp_path, "url: https://h\nmodel: m\ntls: {ca_file: ca.pem}")
    assert target.tls.ca_file == str(tmp_path / "ca.pem")


def test_price_is_per_million_tokens(tmp_path: Path) -> None:
    """2000 tokens in and 500 out."""
    target = read(tmp_path, "url: http://h\nmodel: m\nprices: {input: 3, output: 15}")
    assert target.prices is not None
    assert target.prices.cost(2000, 500) == pytest.approx(0.0135)


def test_provider_behind_a_target_is_a_target_of_its_own(tmp_path: Path) -> None:
    """What its block leaves out is the gateway's, but for the way in: keys, headers and path are its own."""
    text = (
        "name: edge\nurl: http://gateway\nmodel: m\nkey_env: EDGE_KEY\nheaders: {x-team: load}\n"
        "provider: {url: 'https://provider/v1', key_env: PROVIDER_KEY, headers: {authorization: '${TOKEN}'}}"
    )
    environ = {"EDGE_KEY": "hunter1", "PROVIDER_KEY": "hunter2", "TOKEN": "hunter3"}
    target = Target.from_resolved(read(tmp_path, text, environ).resolved())
    direct = target.direct
    assert direct is not None
    assert (direct.url, direct.model, direct.dialect) == ("https://provider/v1", "m", "openai-chat")
    assert direct.key(environ) == "hunter2"
    assert direct.sent_headers(environ) == {"authorization": "hunter3"}
    assert "hunter" not in str(target.resolved())
    assert read(tmp_path, "url: http://h\nmodel: m").direct is None


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("{}", "provider.url: missing"),
        ("{url: 'http://h', api_key: sk-1}", "provider.api_key: a key never stands in a file"),
        ("{url: 'http://h', headers: {x-api-key: sk-1}}", "provider.headers.x-api-key: looks like a secret"),
        ("{url: 'https://h', tls: {ca_file: no.pem}}", "provider.tls.ca_file: got no.pem, and there is no"),
        ("{url: 'http://h', dialect: openai}", "provider.dialect: got openai, allowed: openai-chat"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told_like_the_rest(
    tmp_path: Path, provider: str, said: str
) -> None:
    """A secret pasted one level deeper is as bad, and as little shown."""
    (tmp_path / "mine.yaml").write_text(f"url: http://h\nmodel: m\nprovider: {provider}", encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_target("mine.yaml", SearchPath.of(tmp_path), {}, dialects=["openai-chat"])
    assert said in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_portkeys_headers_are_secrets_only_where_they_hold_a_key(tmp_path: Path) -> None:
    """`portkey` has a key in its name; its provider and its config are none."""
    plain = "url: http://h\nmodel: m\nheaders: {x-portkey-provider: openai, x-portkey-config: pc-main}"
    assert read(tmp_path, plain).headers["x-portkey-provider"] == "openai"
    for name in ("x-portkey-api-key", "x-portkey-virtual-key", "portkey-auth"):
        with pytest.raises(ProfileError, match="looks like a secret"):
            read(tmp_path, f"url: http://h\nmodel: m\nheaders: {{{name}: pk-123}}")
