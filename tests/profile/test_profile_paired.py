"""The paired arm of a profile: its share, and the provider that it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.profile.load import load_profile
from tokenswarm.profile.paired import Paired, provider_of
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target


def read(tmp_path: Path, paired: str) -> Profile:
    """A profile with this `paired:`."""
    (tmp_path / "mine.yaml").write_text(
        f"stages: [{{name: hold, duration: 1s, users: 1}}]\npaired: {paired}\n", encoding="utf-8"
    )
    return load_profile("./mine.yaml", SearchPath.of(tmp_path), {})


def test_paired_share_survives_the_way_to_a_worker(tmp_path: Path) -> None:
    """Read as any share is, and written into the plan as it was read."""
    profile = Profile.from_resolved(read(tmp_path, "{share: 10%}").resolved())
    assert profile.paired == Paired(share=0.1)


@pytest.mark.parametrize("share", ["0%", "100%", "true", "150%"])
def test_an_arm_without_calls_is_refused(tmp_path: Path, share: str) -> None:
    """All or nothing leaves nothing to compare with."""
    with pytest.raises(ProfileError, match=r"paired\.share: got .*, need"):
        read(tmp_path, f"{{share: {share}}}")


def test_a_target_without_provider_cannot_be_paired() -> None:
    """It is said before any load, with the mend; without a paired arm no provider is needed."""
    target = Target(name="edge", url="http://h", model="m")
    assert provider_of(target, None) is None
    with pytest.raises(ConfigurationError, match=r"target edge: .*10% .*write `provider: \{url: …\}`"):
        provider_of(target, Paired(share=0.1))
