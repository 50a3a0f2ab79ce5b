"""`cache:` of a profile: what it may say, and what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.schema import Profile

WARM = "stages: [{name: fill, duration: 1s, users: 1, warmup: true}, {name: hold, duration: 9s, users: 1}]\n"


def read(tmp_path: Path, cache: str, stages: str = WARM) -> Profile:
    (tmp_path / "mine.yaml").write_text(f"{stages}cache: {cache}\n", encoding="utf-8")
    return load_profile("./mine.yaml", SearchPath.of(tmp_path), {})


def test_a_cache_survives_the_way_to_a_worker(tmp_path: Path) -> None:
    """Arms without weight are none."""
    text = "{exact: 60, varied: 20, unique: 20, expired: 5, zipf: 1.1, start: warm, ttl: 4s}"
    cache = Profile.from_resolved(read(tmp_path, text).resolved()).cache
    assert cache is not None
    assert cache.arms == {"exact": 60, "varied": 20, "unique": 20, "expired": 5}
    assert (cache.pool, cache.zipf, cache.start, cache.ttl_s) == (100, 1.1, "warm", 4.0)
    assert cache.shown == (
        "exact 57%, varied 19%, unique 19%, expired 5% of calls; 100 questions by zipf 1.1, warm, ttl 4s"
    )
    only = read(tmp_path, "{exact: 1}").cache
    assert only is not None
    assert only.arms == {"exact": 1}


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ("{unique: 100}", "cache: nothing is repeated: give exact or varied some weight"),
        ("{exact: 1, expired: 1}", "expired asks again after the time to live: write it as ttl"),
        ("{exact: 1, pool: 0}", r"cache\.pool: got 0, need ≥ 1"),
        ("{exact: 1, zipf: -1}", r"cache\.zipf: got -1, need ≥ 0"),
        ("{exact: 1, start: hot}", r"cache\.start: got hot, allowed: cold, warm"),
        ("{exact: 1, ttl: 60}", r"cache\.ttl: got 60, need a duration with its unit"),
        ("{exakt: 1}", r"cache\.exakt: .*did you mean exact\?"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, cache: str, said: str) -> None:
    """With its place and what to do."""
    with pytest.raises(ProfileError, match=said):
        read(tmp_path, cache)


def test_a_warm_start_needs_something_that_warms(tmp_path: Path) -> None:
    """Or it would be a cold one under another name."""
    with pytest.raises(ProfileError, match="start: warm needs a stage with warmup: true"):
        read(tmp_path, "{exact: 1, start: warm}", "stages: [{name: hold, duration: 9s, users: 1}]\n")


def test_an_answer_must_be_able_to_expire_within_the_run(tmp_path: Path) -> None:
    """At the profile's own length: a trial in a tenth of the time may well be too short for it."""
    read(tmp_path, "{exact: 1, expired: 1, ttl: 20s}")
    names = Names("./mine.yaml")
    with pytest.raises(ConfigurationError, match="ttl is 20s and the run lasts 10s"):
        resolve(names, SearchPath.of(tmp_path), {})
    read(tmp_path, "{exact: 1, expired: 1, ttl: 5s}")
    assert (
        resolve(Names("./mine.yaml", time_scale=0.1), SearchPath.of(tmp_path), {}).profile.cache is not None
    )
