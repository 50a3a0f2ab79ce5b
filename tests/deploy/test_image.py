"""The Dockerfile, by a linter and by what it says; test_installed.py does its steps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


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
