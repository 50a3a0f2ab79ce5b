"""A target's gateway preset and its own rules, as they are read and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ProfileError
from tokenswarm.profile.load import load_target
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.target import Target
from tokenswarm.wire.signal_rule import Rule


def read(folder: Path, *lines: str) -> Target:
    (folder / "mine.yaml").write_text("\n".join(("url: http://h", "model: m", *lines)), encoding="utf-8")
    return load_target("mine.yaml", SearchPath.of(folder), {})


def test_rules_are_read_as_they_are_meant(tmp_path: Path) -> None:
    """Values of YAML's own kinds become what a rule gives; a run folder keeps them."""
    target = read(
        tmp_path,
        "gateway: nginx",
        "signals:",
        "  - {gives: cache, header: x-cache, matches: '^HIT', value: hit}",
        "  - {gives: fell_back, path: meta.tries, equals: 1, value: false}",
        "  - {gives: upstream_time, header: x-time, unit: s}",
        "  - {gives: cache, body: no_tokens, value: hit}",
        "  - {gives: cost, header: x-free, value: 0}",
    )
    expected = (
        Rule("cache", header="x-cache", matches="^HIT", value="hit"),
        Rule("fell_back", path="meta.tries", equals=1, value="no"),
        Rule("upstream_time", header="x-time", unit="s"),
        Rule("cache", body="no_tokens", value="hit"),
        Rule("cost", header="x-free", value="0"),
    )
    for one in (target, Target.from_resolved(target.resolved())):
        assert one.gateway == "nginx"
        assert tuple(signal.rule() for signal in one.signals) == expected


def test_the_gateway_is_found_unless_it_is_named(tmp_path: Path) -> None:
    """Nothing in the file means auto; YAML's null means none, as people write it."""
    assert read(tmp_path).gateway == "auto"
    assert read(tmp_path, "gateway:").gateway == "none"
    assert read(tmp_path, "gateway: none").gateway == "none"


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """With line, key, what was found and what is allowed."""
    with pytest.raises(ProfileError) as caught:
        read(
            tmp_path,
            "gateway: litelm",
            "signals:",
            "  - {gives: cash, header: x}",
            "  - {gives: cache, header: x, path: y}",
            "  - {gives: cache, header: x, matches: '(', value: hit}",
            "  - {gives: cache, header: x, value: yes please}",
            "  - {gives: cost, header: x, unit: min}",
            "  - {gives: cost, haeder: x}",
            "  - {gives: cache, body: repeated, value: hit}",
        )
    said = str(caught.value)
    for line in (
        "mine.yaml:3 gateway: got litelm, allowed: litellm, ",
        "did you mean litellm?",
        "mine.yaml:5 signals[0].gives: got cash, allowed: cache, ",
        "mine.yaml:6 signals[1]: need one of header, path and body",
        "mine.yaml:7 signals[2].matches: got (, which is no regular expression",
        "mine.yaml:8 signals[3]: value: got yes please, which is no cache, allowed: hit, miss",
        "mine.yaml:9 signals[4].unit: got min, allowed: s, ms, us",
        "mine.yaml:10 signals[5].haeder: unknown key",
        "did you mean header?",
        "mine.yaml:11 signals[6].body: got repeated, allowed: repeated_id, ",
    ):
        assert line in said, said
