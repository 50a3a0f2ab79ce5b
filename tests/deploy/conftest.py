"""The files that start tokenswarm in containers, and tokenswarm as such an image installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

LONGEST_S = 300
# Everything is downloaded, unpacked and compiled: half a minute of CPU, and a busy machine has little of it.
INSTALLED_S = 1200


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
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


@dataclass(frozen=True)
class Installed:
    """A clean environment with the built wheel and what it requires in it."""

    prefix: Path
    wheel: Path

    def run(self, *command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """A command that finds this environment on PATH, and no other."""
        own = {**os.environ, **environ, "PATH": f"{self.prefix}/bin:/usr/bin:/bin"}
        own.pop("PYTHONPATH", None)
        return subprocess.run(
            command,
            cwd=cwd,
            env=own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )


@pytest.fixture(scope="session")
def installed(
    project: Path, instructions: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The image's build stage, its own commands done here: the one installation of everything in all tests.

    Who uses it stands in tests/conftest.py among those that run on one worker, for it to stay one.
    """
    source, top = (tmp_path_factory.mktemp(name) for name in ("source", "opt"))
    for stage, word, rest in instructions:
        if (stage, word) == ("build", "COPY"):
            *names, _ = rest.split()
            for name in names:
                if (project / name).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(project / name, source / name, symlinks=True, ignore=ignored)
                else:
                    shutil.copy(project / name, source)
        elif (stage, word) == ("build", "RUN"):
            command = rest.replace("/opt/", f"{top}/").replace("python -m", f"{sys.executable} -m", 1)
            done = subprocess.run(
                command,
                shell=True,
                cwd=source,
                capture_output=True,
                text=True,
                timeout=INSTALLED_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    shutil.rmtree(source)  # nothing of it may be needed any more
    (wheel,) = (top / "wheels").iterdir()
    return Installed(top / "tokenswarm", wheel)
