"""A new suite: what is written, that it holds together, and that nothing is overwritten."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from tokenswarm import __version__
from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.scenario import locustfile_of
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.starter.parts import parts
from tokenswarm.starter.write import write_suite

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tokenswarm init` writes it, into a folder that isn't there yet."""
    folder = tmp_path_factory.mktemp("init") / "deep" / "ours"
    write_suite(folder)
    return folder


def test_all_is_written_and_nothing_else(suite: Path) -> None:
    """Each part at its place, with its text."""
    written = {str(file.relative_to(suite)): file.read_text() for file in suite.rglob("*") if file.is_file()}
    assert written == {part.place: part.text for part in parts()}
    assert f"tokenswarm=={__version__}\n" in written["requirements.txt"]


@pytest.mark.parametrize("profile", ["smoke", "ramp", "stress", "spike", "soak"])
def test_profiles_are_run_with_the_suites_own_files(suite: Path, profile: str) -> None:
    """Profile, SLO, target and locustfile; none of them is looked for elsewhere."""
    places = SearchPath((suite / "profiles",), suite)
    found = resolve(Names(profile, "gateway"), places, {})
    assert found.slo is not None
    assert found.target is not None
    assert found.target.url == "http://127.0.0.1:8000"
    assert locustfile_of(found.profile.scenario, suite) == suite / "locustfiles" / "chat.py"


def test_the_workflow_uses_the_suites_own_action(suite: Path) -> None:
    """GitHub's schema holds for both, and the action is where the workflow looks, with the inputs it gets."""
    texts = {
        "workflow.json": (suite / ".github/workflows/performance.yml").read_text(),
        "action.json": (suite / ".github/actions/tokenswarm/action.yml").read_text(),
    }
    read = {}
    for schema, text in texts.items():
        data = yaml.safe_load(text)
        if True in data:  # `on`, for YAML
            data["on"] = data.pop(True)
        wanted = json.loads((PROJECT / "tests/ci/schemas" / schema).read_text())
        jsonschema.Draft202012Validator(wanted).validate(data)
        read[schema] = data
    (job,) = read["workflow.json"]["jobs"].values()
    (step,) = [each for each in job["steps"] if each.get("uses", "").startswith("./")]
    assert (suite / step["uses"] / "action.yml").is_file()
    assert step["with"].keys() <= read["action.json"]["inputs"].keys()
    assert (suite / step["with"]["requirements"]).is_file()


def test_what_containers_need_is_there(suite: Path) -> None:
    """What is mounted, and what is copied into an image; .dockerignore lets through no more than that."""
    services = yaml.safe_load((suite / "docker-compose.yml").read_text())["services"]
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    needed = [place for place in mounted if place.startswith("./") and place != "./reports"]
    assert needed
    assert [place for place in needed if not (suite / place).exists()] == []
    copied = {
        word
        for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", (suite / "Dockerfile").read_text())
        for word in line.split()[:-1]
    }
    assert copied == {
        "requirements.txt",
        "requirements.lock",
        "requirements-litellm.lock",
        "profiles",
        "locustfiles",
    }
    assert [name for name in copied if not (suite / name).exists()] == []
    ignored = (suite / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_a_linter_has_nothing_to_say_of_the_image(suite: Path) -> None:
    """Changed as it is."""
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.is_file():
        pytest.skip("hadolint is not installed beside Python: `make install` does it")
    done = subprocess.run([hadolint, suite / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def make(suite: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=suite, capture_output=True, text=True, check=False)


def test_make_runs_the_tokenswarm_that_it_is_given(suite: Path) -> None:
    """`echo` here, which says what it was asked for."""
    done = make(suite, "stress", "TOKENSWARM=echo", "TARGET=gateway", "MODEL=m", "ARGS=--workers 2")
    assert done.stdout == "run stress --target gateway --model m --workers 2\n"
    assert make(suite, "web", "TOKENSWARM=echo", "PROFILE=spike").stdout.split() == ["web", "spike"]


def test_without_tokenswarm_make_says_how_to_come_by_it(suite: Path) -> None:
    """Not `command not found`."""
    done = make(suite, "smoke", "TOKENSWARM=no-such-program")
    assert done.returncode != 0
    assert "pip install --requirement requirements.txt" in done.stderr


def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path: Path) -> None:
    """A file of another's, and a link that leads nowhere; what isn't in the way stays as well."""
    (tmp_path / "Makefile").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine, too")
    (tmp_path / "Dockerfile").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match=r"holds Makefile, Dockerfile already.*name a new folder"):
        write_suite(tmp_path)
    assert (tmp_path / "Makefile").read_text() == "mine"
    assert {file.name for file in tmp_path.iterdir()} == {"Makefile", "Dockerfile", "notes.txt"}


def test_beside_other_files_there_is_room(tmp_path: Path) -> None:
    """A folder need not be empty."""
    (tmp_path / "notes.txt").write_text("mine")
    assert "Makefile" in write_suite(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """One line, and it stays."""
    (tmp_path / "ours").write_text("mine")
    with pytest.raises(ConfigurationError, match="is no folder"):
        write_suite(tmp_path / "ours")
