"""Several models of one target, by weight: in its file, on the command line, in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.profile.load import load_target
from tokenswarm.profile.models import given_models
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.target import Target

SEVERAL = """\
url: http://h
models:
  - {name: gpt-4o-mini, weight: 3, provider: openai, prices: {input: 0.15, output: 0.6}}
  - {name: claude-3-5-haiku}
"""


def read(folder: Path, text: str, model: str | None = None, **environ: str) -> Target:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load_target("mine.yaml", SearchPath.of(folder), environ, model=model)


def weights(target: Target) -> dict[str, float]:
    return {model.name: model.weight for model in target.asked}


def test_models_have_weights_of_which_one_is_the_default(tmp_path: Path) -> None:
    """What a run folder keeps of them reads back the same."""
    target = read(tmp_path, SEVERAL)
    assert weights(target) == {"gpt-4o-mini": 3, "claude-3-5-haiku": 1}
    assert target.shown_model == "gpt-4o-mini 75%, claude-3-5-haiku 25%"
    assert Target.from_resolved(target.resolved()).asked == target.asked
    assert weights(read(tmp_path, "url: http://h\nmodel: only")) == {"only": 1}


def test_the_command_line_goes_before_the_environment_and_both_before_the_file(tmp_path: Path) -> None:
    """One model or several, whatever the file had."""
    assert weights(read(tmp_path, SEVERAL, "x")) == {"x": 1}
    assert weights(read(tmp_path, SEVERAL, TOKENSWARM_MODEL="x=2,y=1")) == {"x": 2, "y": 1}
    assert weights(read(tmp_path, "url: http://h\nmodel: m", "x=2,y=1", TOKENSWARM_MODEL="z")) == {
        "x": 2,
        "y": 1,
    }


def test_a_name_may_hold_an_equals_sign() -> None:
    """A mock's orders stand in its model's name; the last sign is the weight's, and only in a list."""
    assert given_models("mock;ttft=50") == {"model": "mock;ttft=50", "models": []}
    assert given_models("mock;ttft=50=3, b=0.5")["models"] == [
        {"name": "mock;ttft=50", "weight": 3},
        {"name": "b", "weight": 0.5},
    ]


@pytest.mark.parametrize("text", ["a,b=1", "a=,b=1", "=1,b=1", "a=0,b=1", "a=-1,b=1", "a=nan,b=1", "a=1,"])
def test_a_list_without_weights_is_refused(text: str) -> None:
    """The message shows how it is written."""
    with pytest.raises(ConfigurationError, match="such as a=3,b=1"):
        given_models(text)


def test_a_list_is_bounded_and_names_each_model_once() -> None:
    """Each is a row of the report."""
    with pytest.raises(ConfigurationError, match="names a model twice"):
        given_models("a=1,a=2")
    with pytest.raises(ConfigurationError, match="17 models, need at most 16"):
        given_models(",".join(f"m{n}=1" for n in range(17)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url: http://h", "no model; name one here"),
        ("url: http://h\nmodel: a\nmodels: [{name: b}]", "need either model or models"),
        ("url: http://h\nmodels: [{name: b}, {name: b}]", "b stands twice"),
        ("url: http://h\nmodels: [{name: b, weight: 0}]", "models[0].weight: got 0, need > 0"),
        ("url: http://h\nmodels: [{name: b, wieght: 2}]", "did you mean weight?"),
        (
            "url: ws://h\ndialect: openai-realtime\nmodels: [{name: a}, {name: b}]",
            "one connection for one model",
        ),
    ],
)
def test_what_is_wrong_with_models_is_told(tmp_path: Path, text: str, said: str) -> None:
    """Before any load, like everything else."""
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


def test_a_threshold_of_a_model_that_is_not_asked_for_is_refused(tmp_path: Path) -> None:
    """It would be inconclusive after the whole run."""
    (tmp_path / "mine.yaml").write_text(SEVERAL, encoding="utf-8")
    (tmp_path / "load.yaml").write_text(
        "stages: [{name: s, duration: 1s, users: 1}]\n"
        "thresholds: {'latency{model:gpt-4o-mino}': ['p(95) < 1s']}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match="did you mean gpt-4o-mini"):
        resolve(Names("load.yaml", "mine.yaml"), SearchPath.of(tmp_path), {})


def test_a_provider_has_the_same_models_unless_it_names_its_own(tmp_path: Path) -> None:
    """The paired arm asks for the same mix."""
    same = read(tmp_path, SEVERAL + "provider: {url: http://p}").direct
    own = read(tmp_path, SEVERAL + "provider: {url: http://p, model: gpt}").direct
    assert same is not None
    assert own is not None
    assert (weights(same), weights(own)) == ({"gpt-4o-mini": 3, "claude-3-5-haiku": 1}, {"gpt": 1})
