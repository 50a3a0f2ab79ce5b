"""The Dockerfile, by a linter; and its steps, done in a clean environment without a container engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LONGEST_S = 300


@pytest.fixture(scope="module")
def instructions(project: Path) -> list[tuple[str, str, str]]:
    """Stage, instruction and the rest of it, continued lines joined."""
    text = (project / "Dockerfile").read_text().replace("\\\n", " ")
    stage, found = "", []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            stage = rest.split(" AS ")[1]
        found.append((stage, word, rest))
    return found


def test_a_linter_has_nothing_to_say(project: Path) -> None:
    """Not even a hint."""
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.is_file():
        pytest.skip("hadolint is not installed beside Python: `make install` does it")
    done = subprocess.run(
        [hadolint, project / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_images_end_as_nobody_special_on_a_pinned_base(instructions: list[tuple[str, str, str]]) -> None:
    """One base for all, with its version; each image that is run names a user and what it runs."""
    bases = {rest.split()[0] for _, word, rest in instructions if word == "FROM"}
    (outside,) = (base for base in bases if ":" in base)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", outside)
    for stage in ("litellm", "base"):
        assert [rest for name, word, rest in instructions if (name, word) == (stage, "USER")] == ["10001"]
    for stage, command in (("tokenswarm", "tokenswarm"), ("locust", "locust"), ("litellm", "litellm")):
        (entry,) = (rest for name, word, rest in instructions if (name, word) == (stage, "ENTRYPOINT"))
        assert json.loads(entry) == [command]


def test_what_is_copied_is_not_ignored(project: Path, instructions: list[tuple[str, str, str]]) -> None:
    """.dockerignore lets through what the stages take, and nothing else."""
    copied = {
        word.rstrip("/")
        for _, instruction, rest in instructions
        if instruction == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    lines = (project / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied


@pytest.mark.end_to_end
def test_the_images_steps_give_a_program_that_runs(
    project: Path, instructions: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    """The build stage's own commands, in a clean environment; then the command that the image runs."""
    source, prefix = tmp_path / "source", tmp_path / "opt"
    source.mkdir()
    prefix.mkdir()
    steps = [(word, rest) for stage, word, rest in instructions if stage == "build"]
    for word, rest in steps:
        if word == "COPY":
            *names, _ = rest.split()
            for name in names:
                if (project / name).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(project / name, source / name, symlinks=True, ignore=ignored)
                else:
                    shutil.copy(project / name, source)
        elif word == "RUN":
            command = rest.replace("/opt/", f"{prefix}/").replace("python -m", f"{sys.executable} -m", 1)
            done = subprocess.run(
                command,
                shell=True,
                cwd=source,
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    work = tmp_path / "work"
    work.mkdir()
    own = {**os.environ, "PATH": f"{prefix}/tokenswarm/bin:/usr/bin:/bin"}
    own.pop("PYTHONPATH", None)
    done = subprocess.run(
        [prefix / "tokenswarm/bin/tokenswarm", "run", "smoke", "--time-scale", "0.1"],
        cwd=work,
        env=own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    (folder,) = (work / "reports").iterdir()
    facts = json.loads((folder / "run.json").read_text())
    assert facts["state"] == "finished", done.stderr
    assert str(prefix) in facts["locust_command"]
    # What only checks the source would make the image twice as large.
    assert not list((prefix / "tokenswarm").glob("lib/python3*/site-packages/mypy"))
