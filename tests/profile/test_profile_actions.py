"""Actions of a profile: when they come, what they do, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.scaling import scale_profile
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target

STAGES = "stages: [{name: warm, duration: 10s, users: 5}, {name: hold, duration: 60s, users: 5}]\n"


def read(tmp_path: Path, action: str, environ: Mapping[str, str] | None = None) -> Profile:
    """A profile with one action, read from a file."""
    file = tmp_path / "mine.yaml"
    file.write_text(f"{STAGES}actions: [{action}]\n", encoding="utf-8")
    return load_profile(str(file), SearchPath.of(tmp_path), environ or {})


@pytest.mark.parametrize(
    ("at", "at_s", "scaled_s"),
    [("hold+20s", 30, 3), ("hold", 10, 1), ("45s", 45, 4.5), ("hold + 1m", None, None), ("warm+20s", 20, 2)],
)
def test_action_comes_a_time_after_its_stage_s_start(
    tmp_path: Path, at: str, at_s: float | None, scaled_s: float | None
) -> None:
    """Or after the run's; a shrunk run shrinks it. Never after the run's end."""
    text = f'{{at: "{at}", name: down, command: "true"}}'
    if at_s is None:
        with pytest.raises(ProfileError, match=r"down is due 70s after the start, and the run lasts 70s"):
            read(tmp_path, text)
        return
    profile = read(tmp_path, text)
    assert profile.actions[0].at_s(StagePlan(profile.stages)) == at_s
    small = scale_profile(profile, 0.1)
    assert small.actions[0].at_s(StagePlan(small.stages)) == pytest.approx(scaled_s)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("{name: x, command: ls}", "at: missing"),
        ("{at: hold, command: ls}", "name: missing"),
        ("{at: hold, name: x}", "need one of post and command"),
        ("{at: hold, name: x, post: /a, command: ls}", "need one of post and command"),
        ("{at: hold, name: x, command: ls, body: {a: 1}}", "to, body and key_env belong to post"),
        ("{at: hodl, name: x, command: ls}", "got hodl, allowed: warm, hold; did you mean hold"),
        ("{at: hold+5, name: x, command: ls}", "need a duration with its unit"),
        ("{at: +5s, name: x, command: ls}", "need a stage before the +"),
        ("{at: hold, name: x, post: 'ftp://x'}", "need http://HOST or https://HOST"),
        ("{at: hold, name: x, post: 'http://u:secret@x/'}", "no user or password in a URL"),
        ("{at: hold, name: x, post: '/a?api_key=123'}", "looks like a secret"),
        ("{at: hold, name: x, to: primary, command: ls}", "to, body and key_env belong to post"),
        ("{at: hold, name: x, to: primary, post: 'http://x/'}", "to: primary has the URL already"),
        ("{at: hold, name: x, post: /a, key_env: sk-123}", "need the NAME of an environment variable"),
        ('{at: hold, name: x, command: "ls \'"}', "no closing quotation"),
        ("{at: hold, name: x, command: 'kill ${PID}'}", "the environment has no PID"),
        ("{at: hold, name: x, command: ls}, {at: warm, name: x, command: ls}", "which actions[0] has too"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, action: str, said: str) -> None:
    """Before any load, with what is allowed."""
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, action)
    assert said in "\n".join(caught.value.problems)


def test_secrets_of_a_command_stay_in_the_environment(tmp_path: Path) -> None:
    """The resolved profile, which goes into the run folder, holds the reference."""
    profile = read(tmp_path, "{at: hold, name: x, command: 'login ${TOKEN}'}", {"TOKEN": "s3cret"})
    assert "s3cret" not in str(profile.resolved())
    assert profile.actions[0].command == ["login", "${TOKEN}"]


def test_actions_survive_the_way_to_the_workers(tmp_path: Path) -> None:
    """As the whole profile does."""
    profile = read(tmp_path, "{at: hold+5s, name: x, post: /admin, body: {down: true, n: [1, null]}}")
    resolved: dict[str, Any] = profile.resolved()
    assert Profile.from_resolved(resolved).actions == profile.actions


def target(**admin_urls: str) -> Target:
    """A target whose own URL has a path."""
    said = {"name": "mine", "url": "http://gateway/v1", "model": "m", "admin_urls": admin_urls}
    return Target.model_validate(said)


@pytest.mark.parametrize(
    ("action", "url"),
    [
        ("post: /admin", "http://gateway/admin"),
        ("post: 'https://elsewhere/x?y=1'", "https://elsewhere/x?y=1"),
        ("post: /admin, to: primary", "http://one:8011/admin"),
        ("post: /admin/providers/primary, to: gateway", "http://two/below/admin/providers/primary"),
        ("command: ls", None),
    ],
)
def test_a_path_is_on_the_target_or_on_whom_it_goes_to(tmp_path: Path, action: str, url: str | None) -> None:
    """So that one profile works against the embedded stack and against a gateway of the user's own."""
    profile = read(tmp_path, f"{{at: hold, name: x, {action}}}")
    aim = target(primary="http://one:8011", gateway="http://two/below/")
    assert profile.actions[0].url_on(aim) == url


def test_an_admin_url_that_the_target_lacks_is_told_before_the_run(tmp_path: Path) -> None:
    """With the names that it has, and what to write."""
    profile = read(tmp_path, "{at: hold, name: primary down, to: primary, post: /admin}")
    with pytest.raises(ConfigurationError) as caught:
        profile.actions[0].url_on(target(gateway="http://two"))
    assert str(caught.value) == (
        "target mine: the action primary down is posted to primary, and its admin_urls name gateway;"
        " write `admin_urls: {primary: http://HOST:PORT}` into a target file"
    )
    (tmp_path / "aim.yaml").write_text("{url: 'http://gateway', model: m}\n")
    names = Names(str(tmp_path / "mine.yaml"), str(tmp_path / "aim.yaml"))
    with pytest.raises(ConfigurationError, match="its admin_urls name nothing"):
        resolve(names, SearchPath.of(tmp_path), {})


@pytest.mark.parametrize(
    ("url", "said"),
    [("ws://x", "actions are posted"), ("http://u:p@x", "no user or password"), ("x", "need http://HOST")],
)
def test_an_admin_url_is_one_that_can_be_posted_to(url: str, said: str) -> None:
    """And holds no secret."""
    with pytest.raises(ValidationError, match=said):
        target(primary=url)
