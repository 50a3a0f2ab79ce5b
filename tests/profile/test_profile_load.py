"""Profiles, SLOs and targets from files: what is read, and what is said when it can't be."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tokenswarm.errors import ExitCode, ProfileError
from tokenswarm.profile.load import load_profile, load_slo, load_suite, load_target
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.schema import Profile, json_schema
from tokenswarm.profile.slo import Slo

HERE = Path(__file__).parent / "golden"
DIALECTS = ("openai-chat", "anthropic-messages")
MINIMAL = "stages: [{name: hold, duration: 10s, users: 5}]\n"


@pytest.fixture
def places(tmp_path: Path) -> SearchPath:
    """An empty place of the user's own, and the shipped SLOs."""
    shipped = SearchPath.of(tmp_path).folders[-1]
    (tmp_path / "profiles" / "targets").mkdir(parents=True)
    shutil.copytree(shipped / "slo", tmp_path / "profiles" / "slo")
    return SearchPath((tmp_path / "profiles",), tmp_path)


def read(places: SearchPath, text: str, environ: Mapping[str, str] | None = None) -> Profile:
    """The profile that this text describes."""
    (places.folders[0] / "mine.yaml").write_text(text, encoding="utf-8")
    return load_profile("mine", places, environ or {})


def problems(load: Callable[[], object]) -> str:
    """What is said of files that can't be loaded."""
    with pytest.raises(ProfileError) as caught:
        load()
    assert caught.value.exit_code is ExitCode.BAD_CONFIGURATION
    return "".join(f"{problem}\n" for problem in caught.value.problems)


def test_every_problem_of_a_profile_is_told_at_once(
    places: SearchPath, check_golden: Callable[[Path, str], None]
) -> None:
    """With file, line, key, what was found and what is allowed, in the order of the file."""
    shutil.copy(HERE / "broken.yaml", places.cwd)
    said = problems(lambda: load_profile("broken.yaml", places, {}))
    check_golden(HERE / "broken-profile.txt", said)


def test_every_problem_of_an_slo_is_told_at_once(
    places: SearchPath, check_golden: Callable[[Path, str], None]
) -> None:
    """The same for objectives, tiers and hints."""
    shutil.copy(HERE / "broken-slo.yaml", places.cwd)
    check_golden(HERE / "broken-slo.txt", problems(lambda: load_slo("broken-slo.yaml", places, {})))


def test_every_problem_of_a_target_is_told_at_once_and_no_secret_is_shown(
    places: SearchPath, check_golden: Callable[[Path, str], None]
) -> None:
    """Keys and passwords that were pasted into the file stay out of what goes to a terminal or a CI log."""
    shutil.copy(HERE / "broken-target.yaml", places.cwd)
    environ = {"TOKEN": "secret-of-the-environment"}
    said = problems(lambda: load_target("broken-target.yaml", places, environ, dialects=DIALECTS))
    check_golden(HERE / "broken-target.txt", said)
    for secret in ("hunter2", "sk-live-1234", "secret-of-the-environment"):
        assert secret not in said


def test_defaults_stand_in_for_what_is_not_said(places: SearchPath) -> None:
    """A profile needs stages and nothing else."""
    profile = read(places, MINIMAL)
    assert (profile.name, profile.scenario, profile.file) == ("mine", "chat", "profiles/mine.yaml")
    assert dict(profile.prompts.items()) == {"short": 30, "medium": 50, "long": 20}
    assert (profile.streaming, profile.rate_limits, profile.max_tokens) == (0.5, "count", 500)
    assert profile.timeouts.total_s == 120
    assert len(profile.sha256) == 64


def test_resolved_profile_reads_back(places: SearchPath) -> None:
    """A run folder's profile makes the same reports as the file did, long after it has changed."""
    text = MINIMAL + (
        "think_time: {mean: 200ms, distribution: exponential}\ntimeouts: {total: 5s}\nstreaming: 25%\n"
        "max_tokens: null\n"
        "thresholds:\n  error_rate: [{slo: '< 1% over 1m30s', sla: < 2% over 90s, min_samples: 7}]\n"
        "  ttft: max < 1s"
    )
    profile = read(places, text)
    assert Profile.from_resolved(profile.resolved()).resolved() == profile.resolved()
    assert Profile.from_resolved(profile.resolved()).max_tokens is None
    assert profile.resolved()["stages"][0]["duration"] == "10s"


def test_damaged_resolved_profile_is_refused() -> None:
    """A run folder that someone edited by hand gives a message, not a traceback."""
    with pytest.raises(ProfileError, match=r"run\.json: stages"):
        Profile.from_resolved({"name": "x", "stages": 5}, "run.json")


def test_environment_fills_in_references(places: SearchPath) -> None:
    """Inside flow mappings, inside quotes, as numbers and as text; a comment is left alone."""
    text = (
        "# ${NOT_LOOKED_AT}\n"
        "stages:\n  - {name: hold, duration: ${HOLD:-10s}, users: ${USERS}}\n"
        'description: "for ${WHO}: ${WHAT:-a test}"\n'
    )
    profile = read(places, text, {"USERS": "7", "HOLD": "", "WHO": "you: {and, me}\n# all"})
    assert profile.stages[0].users == 7
    assert profile.stages[0].duration_s == 10
    assert profile.description == "for you: {and, me}\n# all: a test"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: ${X}", "mine.yaml:1 stages: the environment has no X; set it, or write ${X:-default}\n"),
        ("stages: ${X-1}", "mine.yaml:1 stages: got ${X-1}, need ${NAME} or ${NAME:-default}\n"),
        ("", "mine.yaml:1: the file is empty\n"),
        ("# nothing\n", "mine.yaml:1: the file is empty\n"),
        ("- a\n- b", "mine.yaml:1: got a list, need a mapping of keys to values\n"),
        ("name: a\n  b: c", "mine.yaml:2: not YAML: mapping values are not allowed here; text with a colon"),
        ("a: [1, 2\nb: 3", "mine.yaml:2: not YAML: while parsing a flow sequence"),
        ("a:\n\t- b", "indent with spaces, not tabs"),
        ("thresholds:\n  cache_hit_rate:\n    - > 50%\n", 'must stand in quotes, such as "> 50%"'),
        ("a: %5", "text that begins with %, @ or ` must stand in quotes"),
        ("a: 1\n---\nb: 2", "mine.yaml:2: not YAML: expected a single document"),
        ("thresholds: {error_rate: [!= 5%]}", "text that begins with ! must stand in quotes, got !="),
        ("name: !!python/object:os.system x", "text that begins with ! must stand in quotes"),
        ("a: &a [*a]", "mine.yaml:1 a[0]: an alias that holds itself"),
        ("? [a, b]\n: c", "mine.yaml:1: a key must be a word, not a list or mapping"),
        ("a: \x00", "mine.yaml:1: not YAML: unacceptable character"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_text_that_is_no_profile_is_explained(places: SearchPath, text: str, said: str) -> None:
    """One line with a place and a way out, whatever PyYAML has to say."""
    told = problems(lambda: read(places, text))
    assert told.startswith("profiles/mine.yaml")
    assert said in told


def test_aliases_of_aliases_do_not_fill_the_memory(places: SearchPath) -> None:
    """Ten lines can stand for ten billion values."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 11)]
    assert "more than 20000 values" in problems(lambda: read(places, "\n".join(lines)))


def test_bytes_that_are_not_utf8_are_refused(places: SearchPath) -> None:
    """With the line on which they stand."""
    (places.folders[0] / "latin.yaml").write_bytes(b"name: x\ndescription: caf\xe9\n")
    said = problems(lambda: load_profile("latin", places, {}))
    assert said == "profiles/latin.yaml:2: not UTF-8; save the file in that encoding\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: []", "stages: got a list, need at least 1"),
        ("stages: [{name: a, duration: 1s, users: 1, warmup: true}]", "stages: every stage is a warm-up"),
        ("stages: [{name: a, duration: 1s, users: 0}]", "stages: no judged stage has users; need ≥ 1"),
        ("stages: [{name: a b, duration: 1s, users: 1}]", "stages[0].name: got a b, need letters, digits"),
        ("stages: [{name: a, duration: 1s, users: '5'}]", "users: got 5 in quotes, need a whole number"),
        ("stages: [{name: a, duration: 1s, users: true}]", "users: got true, need a whole number"),
        ("stages: [{name: a, duration: 1s, users: 1.5}]", "users: got 1.5, need a whole number"),
        (MINIMAL + "prompts: {short: 0}", "prompts: all weights are 0"),
        (MINIMAL + "think_time: {min: 2s, max: 1s}", "think_time: min is longer than max"),
        (MINIMAL + "think_time: {min: 2s}", "think_time.max: missing"),
        (MINIMAL + "think_time: {mean: 1s, distribution: normal}", "got normal, allowed: exponential"),
        (MINIMAL + "think_time: 5", "think_time: got 5, need a duration with its unit"),
        (MINIMAL + "streaming: 101%", "streaming: got 101%, need a share from 0% to 100%"),
        (MINIMAL + "rate_limits: honor", "got honor, allowed: count, honour, fail; did you mean honour?"),
        (MINIMAL + "thresholds: [a]", "thresholds: got a list, need a mapping"),
        (MINIMAL + "monitors: []", "monitors: unknown key"),
    ],
)
def test_value_that_makes_no_sense_is_refused(places: SearchPath, text: str, said: str) -> None:
    """What was found, and what is allowed."""
    assert said in problems(lambda: read(places, text))


def test_shortening_total_does_not_need_the_other_timeouts(places: SearchPath) -> None:
    """A default that is longer than the total is no mistake of the user's; a value of his own is."""
    assert read(places, MINIMAL + "timeouts: {total: 5s}").timeouts.total_s == 5
    said = problems(lambda: read(places, MINIMAL + "timeouts: {total: 5s, idle: 6s}"))
    assert "timeouts.idle: got 6s, longer than total, 5s" in said


def test_unknown_name_lists_those_that_exist(places: SearchPath) -> None:
    """And guesses which was meant."""
    read(places, MINIMAL)
    said = problems(lambda: load_profile("mien", places, {}))
    assert said == "no profile is called mien, there are: mine (in profiles); did you mean mine?\n"
    said = problems(lambda: load_slo("", places, {}))
    assert said.startswith("no SLO is called (nothing), there are: cache, degraded, development, edge-004, ")
    assert "begins with http://" in problems(lambda: load_target("mock", places, {}))
    assert (
        problems(lambda: load_profile("no/such.yaml", places, {})) == "no/such.yaml: no such profile file\n"
    )


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (
            "rub.json",
            "; for the file rub.json write ./rub.json: a suite is YAML",
        ),
        ("here", "; for the file here.yml write it with its ending"),
        ("folder", "; folder is a folder here, and a suite is a YAML file"),
    ],
)
def test_a_bare_word_for_a_file_of_this_folder_is_explained(
    places: SearchPath, tmp_path: Path, ref: str, said: str
) -> None:
    """A word is a name of the suites' folder, and the reader sees the file right there."""
    (tmp_path / "rub.json").write_text("{}")
    (tmp_path / "here.yml").write_text("name: here")
    (tmp_path / "folder").mkdir()
    assert problems(lambda: load_suite(ref, places, {})).endswith(f"{said}\n")


def test_users_own_profile_goes_before_the_shipped_one(places: SearchPath, tmp_path: Path) -> None:
    """A name is looked for in the working directory first."""
    (places.folders[0] / "stress.yaml").write_text(MINIMAL, encoding="utf-8")
    assert load_profile("stress", SearchPath.of(tmp_path), {}).stages[0].name == "hold"
    assert len(load_profile("soak", SearchPath.of(tmp_path), {}).stages) == 2


def test_json_schema_knows_the_keys_that_users_write() -> None:
    """Editors complete `duration`, not `duration_s`."""
    stage = json_schema()["$defs"]["Stage"]
    assert stage["required"] == ["name"]
    assert {"duration", "users", "rate", "requests", "from"} <= set(stage["properties"])
    assert stage["additionalProperties"] is False


def test_slo_gives_objectives_in_seconds(places: SearchPath) -> None:
    """The collector holds calls against them."""
    slo: Slo = load_slo("production", places, {})
    assert slo.objectives_s == {"ttft": 0.1, "latency": 0.3}
    assert Slo.from_resolved(slo.resolved()).resolved() == slo.resolved()
