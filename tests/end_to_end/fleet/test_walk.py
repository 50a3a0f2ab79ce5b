"""docs/distributed.md as a reader walks it: from nothing to three machines and figures for a dashboard."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.end_to_end
PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "distributed.md").read_text()
WALK = PAGE.split("## From nothing to a dashboard", 1)[1].split("\n## ", 1)[0]
BOUND_S = 60
# The page's addresses, and those of the namespaces.
THEIRS, OURS = "10.0.0.", "10.77.0."
GET = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """The comment above each command, and its words."""
    said = ""
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        if line.startswith("    # "):
            said = line.removeprefix("    # ")
        elif line.startswith("    "):
            yield said, shlex.split(line)
        else:
            said = ""


def command_of(machines: str, verb: str) -> list[str]:
    """The one that the page has for these machines, with our addresses, without its first word."""
    found = [words for said, words in commands(WALK) if said.startswith(machines) and words[0] == verb]
    (words,) = found
    return [word.replace(THEIRS, OURS) for word in words[1:]]


def test_make_starts_what_the_page_says_is_the_same() -> None:
    """`make master` and `make worker` as the page has them, and the lines beneath."""
    every = [words for _, words in commands(PAGE.split("## From nothing", 1)[0])]
    made = [words for words in every if words[0] == "make"]
    same = [words for words in every if words[0] == "tokenswarm"]
    assert len(made) == len(same) == 2
    for words, expected in zip(made, same, strict=True):
        done = subprocess.run(
            [*words, "--dry-run", "--silent", "--assume-old=.venv/.ready"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said = shlex.split(done.stdout.splitlines()[-1])
        assert said[0].endswith("bin/tokenswarm"), done.stdout
        assert sorted(said[1:]) == sorted(expected[1:])


def test_figures_of_the_page_stand_where_it_says() -> None:
    """Each row of the sizing table has its figure on the page that it names."""
    table = PAGE.split("## How many", 1)[1].split("**An example.**", 1)[0]
    cells = re.findall(r"([\d,.]+)(?:/s| calls/s| kB| MB| %| a second)? \(\[\w+\]\((\w+\.md)", table)
    assert len(cells) == 8
    for figure, page in cells:
        assert re.search(rf"(?<![\d,.]){re.escape(figure)}", (PROJECT / "docs" / page).read_text()), figure


@pytest.fixture
def prometheus(machines: Callable, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """As the page starts it on A; asks it a query."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    words = [
        word if not word.startswith("--storage") else f"--storage.tsdb.path={tmp_path / 'data'}"
        for word in command_of("on A: Prometheus", "prometheus")
    ]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*machines("a"), "prometheus", *words],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def ask(query: str) -> Any:
        url = f"http://127.0.0.1:9090/api/v1/query?query={quote(query)}"
        done = subprocess.run(
            [*machines("a"), sys.executable, "-c", GET, url], capture_output=True, timeout=30, check=False
        )
        return json.loads(done.stdout)["data"]["result"] if done.returncode == 0 else None

    try:
        deadline_s = time.monotonic() + BOUND_S
        while ask("1") is None:
            assert time.monotonic() < deadline_s, (tmp_path / "prometheus.log").read_text()
            time.sleep(0.2)  # polling for an event, bounded above
        yield ask
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)


def test_a_reader_gets_from_nothing_to_a_run_of_three_machines_and_its_figures(
    start: Callable, machines: Callable, prometheus: Callable[[str], Any], made_by: Callable
) -> None:
    """Every command as it stands on the page, but for addresses, time scale and where things are kept."""
    start(*command_of("on D", "tokenswarm"), within=machines("d"))
    workers = [start(*command_of("on B and C", "tokenswarm"), within=machines(name)) for name in "bc"]
    master = start(*command_of("on A", "tokenswarm"), "--time-scale", "0.15", within=machines("a"))
    done, ended = master.wait(), [worker.wait() for worker in workers]
    assert done.code in (0, 99, 111), done.err  # which one is the machine's to say
    assert done.run["state"] == "finished"
    assert "all 2 workers are here" in done.err
    assert [worker.code for worker in ended] == [0, 0], [worker.err for worker in ended]
    made = [made_by(worker) for worker in ended]
    assert min(made) > 0
    assert done.counted() == sum(made)
    (calls,) = prometheus(f'sum(last_over_time(tokenswarm_calls_total{{run="{done.folder.name}"}}[5m]))')
    assert float(calls["value"][1]) == done.counted()
    (cores,) = prometheus("sum(avg_over_time(tokenswarm_generator_cpu_cores[5m]))")
    assert float(cores["value"][1]) > 0
