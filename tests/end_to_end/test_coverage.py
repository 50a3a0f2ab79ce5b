"""docs/coverage.md is true: every row has a command, or says that it hasn't, and every command does its work.

Profiles that another test runs are left to it. The others are run here, all of them for a second, two at a
time. A command of a new kind needs a line in WAYS, or a test that says its words.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import httpx
import pytest
import yaml

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.mock.redis_server import RedisServer
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve

from ..until import until

pytestmark = pytest.mark.end_to_end
PROJECT: Final = Path(__file__).parents[2]
LAST_ROW: Final = {"A": 6, "B": 6, "C": 9, "D": 13, "E": 13, "F": 6}
RUN_S: Final = 1.0
LONGEST_S: Final = 120.0
# No more than these says what a command did: a second is too short to pass, and a busy machine too slow.
JUDGED: Final = (0, 99, 111)

NOT_YET: Final = "not yet"
# Run by tests with another profile or another number: these of their words must be said there.
WITH_OTHER_WORDS: Final = {
    "tokenswarm run stress --expect-workers 2": {"run", "--expect-workers"},
    "tokenswarm run soak --influx URL": {"run", "--influx"},
    "tokenswarm run smoke --target local --target-pid PID": {"run", "--target", "--target-pid"},
    "EDGE_LOG=agent.log tokenswarm run edge-004 --target edge": {"run", "--target", "edge"},
}
_ROW: Final = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
_ASSIGNMENT: Final = re.compile(r"[A-Z_]+=")
_LIKE_A_USERS: Final = re.compile(r"[A-Z]+|https?://.*|redis://.*")  # URL, KEY …: everybody has another


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    id: str
    commands: tuple[str, ...]
    is_not_yet: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as a shell would read it."""

    environ: dict[str, str]
    words: list[str]

    @classmethod
    def read(cls, command: str) -> Typed:
        words = shlex.split(command)
        environ = {}
        while _ASSIGNMENT.match(words[0]):
            name, _, environ[name] = words.pop(0).partition("=")
        return cls(environ, words)

    def adds_to(self, other: Typed) -> bool:
        """Whether it is the other with an option or a variable more."""
        count, start = len(other.words), (other.words, other.environ.keys())
        return (self.words[:count], self.environ.keys() & other.environ.keys()) == start and (
            len(self.words) + len(self.environ) > count + len(other.environ)
        )

    @property
    def own_words(self) -> set[str]:
        """Those that make it this command, and not another with the same program."""
        return {word for word in self.words[1:] if not _LIKE_A_USERS.fullmatch(word)}


def rows() -> list[Row]:
    text = (PROJECT / "docs" / "coverage.md").read_text()
    return [
        Row(name, tuple(re.findall(r"`([^`]+)`", how)), how == NOT_YET)
        for name, _, how, _ in _ROW.findall(text)
    ]


def commands() -> list[str]:
    """Each once, with `make VERB` as what it runs."""
    return list(dict.fromkeys(made(command) for row in rows() for command in row.commands))


def made(command: str) -> str:
    """What `make VERB` runs of ours; any other command, and `make help`, as it is."""
    if not command.startswith("make ") or command == "make help":
        return command
    told = subprocess.run(
        ["make", "--dry-run", "--silent", *shlex.split(command)[1:]],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in told.stdout.splitlines() if line.startswith(".venv/bin/tokenswarm ")]
    return " ".join(shlex.split(line.removeprefix(".venv/bin/")))


def is_run_elsewhere(command: str) -> bool:
    """Whether some other test says all its own words, a longer command does, or a suite has its profile."""
    words = WITH_OTHER_WORDS.get(command) or Typed.read(command).own_words
    if command.startswith("locust ") and "--headless" not in words:
        return False  # with fewer words it is another thing: the web UI
    if any(words <= said for said in _said_by_tests()):
        return True
    typed = [Typed.read(other) for other in {*commands()} - {command, *WITH_OTHER_WORDS}]
    longer = any(words <= other.own_words and other.adds_to(Typed.read(command)) for other in typed)
    return longer or any(words <= {"run", *profiles_of(other)} for other in typed if "suite" in other.words)


def profiles_of(typed: Typed) -> list[str]:
    """What a suite runs."""
    document = yaml.safe_load((PROJECT / "profiles" / "suites" / f"{typed.words[2]}.yaml").read_text())
    return [run["profile"] for run in document["runs"]]


@cache
def _said_by_tests() -> tuple[frozenset[str], ...]:
    """The texts in each function of the tests, those of its decorators too."""
    files = (PROJECT / "tests").rglob("*.py")
    return tuple(
        frozenset(_texts(node))
        for file in files
        if file != Path(__file__)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    )


def _texts(node: ast.AST) -> Iterator[str]:
    """What is only compared with something is no word of a command."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Constant):
            yield from _texts(child)
        elif isinstance(child.value, str) and not isinstance(node, ast.Compare):
            yield child.value


@dataclass(frozen=True, slots=True)
class Bench:
    """What commands need: somewhere to aim, and somewhere to write."""

    folder: Path
    mock: MockProcess
    redis: RedisServer | None

    def replaced(self, word: str) -> str:
        """A word of the page with what stands for it here."""
        here = {
            "http://127.0.0.1:8000": self.mock.url,
            "http://127.0.0.1:8001": self.mock.url,
            "redis://127.0.0.1:6379/0": self.redis.url if self.redis else "",
            "FOLDER": str(self.folder / "made"),
            "PREFIX": str(self.folder / "made" / "locust"),
            "10s": f"{RUN_S:g}s",
            "30s": f"{RUN_S:g}s",
        }
        return here.get(word, word)

    def environ(self, typed: Typed) -> dict[str, str]:
        output = {"PERF_TEST_OUTPUT": str(self.folder / "output.json")}
        given = {name: self.replaced(value) for name, value in typed.environ.items()}
        own = {name: value for name, value in output.items() if name in given}
        return {**os.environ, "LOCAL_URL": self.mock.url, **given, **own}

    def run(self, typed: Typed, *more: str) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            [*program(typed.words[0]), *map(self.replaced, typed.words[1:]), *more],
            cwd=PROJECT,
            env=self.environ(typed),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )


def program(name: str) -> list[str]:
    """The one of this environment."""
    modules = {"tokenswarm": ["-m", "tokenswarm"], "locust": ["-m", "locust"], "python": []}
    return [sys.executable, *modules[name]] if name in modules else [name]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        mock = stack.enter_context(
            MockProcess(MockOptions(ttft="5", itl="1", tokens="5", orders=("gzip=1",)))
        )
        redis = stack.enter_context(RedisServer()) if shutil.which("redis-server") else None
        yield Bench(tmp_path_factory.mktemp("coverage"), mock, redis)


def check_run(bench: Bench, typed: Typed) -> None:
    """A profile or a suite, shrunk to a second: it ends with a verdict and its reports."""
    named = dict(zip(typed.words[3::2], typed.words[4::2], strict=True))
    profiles = profiles_of(typed) if typed.words[1] == "suite" else [typed.words[2]]
    lasts_s = max(length_s(profile, named.get("--slo")) for profile in profiles)
    reports = bench.folder / re.sub(r"\W+", "-", " ".join(typed.words[1:]))
    scale = min(1.0, RUN_S / lasts_s)
    done = bench.run(typed, "--time-scale", f"{scale:.6f}", "--reports", str(reports))
    assert done.returncode in JUDGED, done.stdout + done.stderr
    folders = [file.parent for file in reports.rglob("summary.json")]
    assert len(folders) == len(profiles), done.stdout + done.stderr
    assert all((folder / "report.html").is_file() for folder in folders)


def length_s(profile: str, slo: str | None) -> float:
    resolved = resolve(Names(profile, slo=slo), SearchPath.of(PROJECT), {})
    return StagePlan(resolved.profile.stages).total_s


def check_end(bench: Bench, typed: Typed) -> None:
    """It ends, without a complaint."""
    done = bench.run(typed)
    assert done.returncode == 0, done.stdout + done.stderr


def check_quick(bench: Bench, typed: Typed) -> None:
    """It ends with a verdict."""
    done = bench.run(typed, "--reports", str(bench.folder / "quick"))
    assert done.returncode in JUDGED, done.stdout + done.stderr


def check_report(bench: Bench, typed: Typed) -> None:
    """Reports are made of the run or the CSV files."""
    made = bench.folder / "made"
    with suppress(FileExistsError):
        made.mkdir()
        for file in next(bench.folder.glob("run-ci*/*/run.json")).parent.iterdir():
            if file.is_file() and not file.name.startswith("report"):
                shutil.copy(file, made)
    done = bench.run(typed)
    assert done.returncode in JUDGED, done.stdout + done.stderr
    assert "report.html" in done.stdout + done.stderr


def check_locust(bench: Bench, typed: Typed) -> None:
    """Without a screen it makes calls and ends; with one, the page is served."""
    if "--headless" in typed.words:
        done = bench.run(typed, "--csv", str(bench.folder / "plain"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "chat short" in (bench.folder / "plain_stats.csv").read_text()
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with serving(bench, typed, "--web-host", "127.0.0.1", "--web-port", port) as is_running:
        until(lambda: is_running() and answers(f"http://127.0.0.1:{port}/"), within_s=LONGEST_S, every_s=0.05)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def check_mock(bench: Bench, typed: Typed) -> None:
    """It says where it listens."""
    if bench.redis is None:
        pytest.skip("redis-server is not installed")
    log = bench.folder / "serving.log"
    with serving(bench, typed, "--port", "0") as is_running:
        until(lambda: is_running() and "listening on http" in log.read_text(), within_s=LONGEST_S)


@contextmanager
def serving(bench: Bench, typed: Typed, *more: str) -> Iterator[Callable[[], bool]]:
    """A command that runs until it is stopped; yields a look at whether it still does."""
    log = bench.folder / "serving.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*program(typed.words[0]), *map(bench.replaced, typed.words[1:]), *more],
            cwd=PROJECT,
            env=bench.environ(typed),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )

    def is_running() -> bool:
        assert process.poll() is None, log.read_text()
        return True

    try:
        yield is_running
    finally:
        process.kill()
        process.wait()


WAYS: Final[dict[str, Callable[[Bench, Typed], None]]] = {
    "tokenswarm run": check_run,
    "tokenswarm suite": check_run,
    "tokenswarm check": check_end,
    "tokenswarm quick": check_quick,
    "tokenswarm report": check_report,
    "tokenswarm mock": check_mock,
    "locust -f": check_locust,
    "make help": check_end,
    "python -c": check_end,
}


def way_of(command: str) -> Callable[[Bench, Typed], None]:
    typed = Typed.read(command)
    way = WAYS.get(" ".join(typed.words[:2]))
    assert way is not None, f"{command}: no test runs it; write one, or say in WAYS how it is run here"
    return way


def test_every_row_has_a_command_or_says_that_it_has_none_yet() -> None:
    """All rows, each once, in order."""
    found = rows()
    assert [row.id for row in found] == [
        f"{part}{number}" for part, last in LAST_ROW.items() for number in range(1, last + 1)
    ]
    assert [row.id for row in found if not row.commands and not row.is_not_yet] == []


def test_every_command_does_its_work(bench: Bench) -> None:
    """Those that no other test runs; reports last, since they need a run."""
    here = [command for command in commands() if not is_run_elsewhere(command)]
    first = [command for command in here if way_of(command) is not check_report]
    with ThreadPoolExecutor(2) as pool:
        doing = {command: pool.submit(way_of(command), bench, Typed.read(command)) for command in first}
    wrong = {command: error for command, job in doing.items() if (error := job.exception())}
    assert not wrong, "\n".join(f"{command}: {error}" for command, error in wrong.items())
    for command in here:
        if way_of(command) is check_report:
            check_report(bench, Typed.read(command))
    if any("PERF_TEST_OUTPUT" in command for command in here):
        assert json.loads((bench.folder / "output.json").read_text())["verdict"]
