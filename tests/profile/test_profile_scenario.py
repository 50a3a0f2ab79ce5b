"""Scenario and dialect: which of them decides, what doesn't go together, and what follows for streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, Resolved, resolve
from tokenswarm.profile.scenario import dialect_of
from tokenswarm.wire.dialect import DIALECTS

SHIPPED = SearchPath.of(Path(__file__).parents[2])
STAGES = "stages: [{name: s, duration: 1s, users: 1}]\n"


def resolved(tmp_path: Path, scenario: str, target: str, profile: str = "") -> Resolved:
    """What a run of this scenario against a target of this text would be."""
    (tmp_path / "p.yaml").write_text(f"scenario: {scenario}\n{STAGES}{profile}")
    (tmp_path / "t.yaml").write_text(f"url: http://h\nmodel: m\n{target}")
    return resolve(Names("p.yaml", "t.yaml"), SearchPath.of(tmp_path), {})


@pytest.mark.parametrize(
    ("scenario", "dialect"),
    [
        ("chat", "openai-chat"),
        ("messages", "anthropic-messages"),
        ("responses", "openai-responses"),
        ("completions", "openai-completions"),
        ("embeddings", "openai-embeddings"),
        ("my-own", "openai-chat"),
    ],
)
def test_target_without_a_dialect_is_spoken_to_in_the_scenarios(
    tmp_path: Path, scenario: str, dialect: str
) -> None:
    """Whether it is a file or a URL, or the mock, which has no file either."""
    target = resolved(tmp_path, scenario, "").target
    assert target is not None
    assert target.dialect == dialect == dialect_of(scenario)
    by_url = resolve(Names("p.yaml", "http://h", model="m"), SearchPath.of(tmp_path), {}).target
    assert by_url is not None
    assert by_url.dialect == dialect


@pytest.mark.parametrize("name", [name for name, dialect in DIALECTS.items() if dialect.streams])
@pytest.mark.parametrize("scenario", ["chat", "my-own"])
def test_chat_speaks_what_the_target_names(tmp_path: Path, scenario: str, name: str) -> None:
    """So that every profile can load every target that can hold a conversation."""
    target = resolved(tmp_path, scenario, f"dialect: {name}").target
    assert target is not None
    assert target.dialect == name


@pytest.mark.parametrize(
    ("scenario", "dialect", "said"),
    [
        (
            "messages",
            "openai-chat",
            "scenario messages speaks anthropic-messages, and target t says dialect: openai-chat; use a",
        ),
        ("messages", "openai-chat", "scenario chat, or a target that says anthropic-messages or no dialect"),
        ("embeddings", "anthropic-messages", "use a profile of scenario messages or chat, or a target"),
        ("responses", "openai-embeddings", "use a profile of scenario embeddings, or a target that says"),
        ("chat", "openai-embeddings", "whose answers are no text; use a profile of scenario embeddings"),
    ],
)
def test_scenario_and_target_that_differ_are_refused(
    tmp_path: Path, scenario: str, dialect: str, said: str
) -> None:
    """With both of them named, and with what would fit."""
    with pytest.raises(ConfigurationError) as caught:
        resolved(tmp_path, scenario, f"dialect: {dialect}")
    assert said in str(caught.value)


def test_embeddings_stream_nothing_unless_told_to(tmp_path: Path) -> None:
    """The default share is for text; a share that is written out can't be meant."""
    for text in ("", "streaming: 0%\n", "streaming: false\n"):
        assert resolved(tmp_path, "embeddings", "", text).profile.streaming == 0
    with pytest.raises(ConfigurationError, match=r"p\.yaml: streaming: got 30%, and openai-emb"):
        resolved(tmp_path, "embeddings", "", "streaming: 30%\n")
    with pytest.raises(ConfigurationError, match="streaming: got 30%"):
        resolve(Names("p.yaml"), SearchPath.of(tmp_path), {})  # the mock is no exception


def test_other_dialects_keep_their_streams(tmp_path: Path) -> None:
    """Half of the calls by default."""
    assert resolved(tmp_path, "messages", "").profile.streaming == 0.5


@pytest.mark.parametrize("name", sorted(SHIPPED.names("profile")))
def test_every_shipped_profile_goes_with_the_mock(name: str) -> None:
    """Nothing that comes with tokenswarm contradicts itself."""
    assert resolve(Names(name), SHIPPED, {}).profile.scenario == load_profile(name, SHIPPED, {}).scenario


@pytest.mark.parametrize("scenario", ["chat", "responses", "completions", "embeddings"])
def test_openai_target_fits_every_scenario_of_openais(scenario: str, tmp_path: Path) -> None:
    """It names no dialect, on purpose."""
    (tmp_path / "p.yaml").write_text(f"scenario: {scenario}\n{STAGES}")
    target = resolve(Names(str(tmp_path / "p.yaml"), "openai"), SHIPPED, {}).target
    assert target is not None
    assert target.dialect == f"openai-{scenario}"


def test_proxy_target_has_its_key_in_the_path() -> None:
    """Anthropic Messages at /ak/KEY/v1/messages, for proxy-001."""
    target = resolve(Names("proxy-001", "proxy"), SHIPPED, {}).target
    assert target is not None
    assert (target.dialect, target.path, target.key_in) == (
        "anthropic-messages",
        "/ak/{key}/v1/messages",
        "path",
    )
