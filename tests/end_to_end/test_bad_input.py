"""What a user gets wrong: one clear message, the right exit code, no traceback, and no load."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.loopback import free_port
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end


def assert_refused(done: object, *words: str) -> None:
    assert done.code == 104, done.out + done.err  # type: ignore[attr-defined]
    assert "Traceback" not in done.out + done.err  # type: ignore[attr-defined]
    for word in words:
        assert word in done.err  # type: ignore[attr-defined]
    assert not done.reports.exists() or not list(done.reports.glob("*/intervals.jsonl"))  # type: ignore[attr-defined]


def test_an_unreachable_target_is_named(tokenswarm: Callable) -> None:
    """Nothing listens: the address, and the question whether the gateway is running."""
    url = f"http://127.0.0.1:{free_port()}"
    assert_refused(
        tokenswarm("run", "smoke", "--target", url, "--model", "m"), url, "connect", "Is the gateway running"
    )


def test_a_wrong_key_names_the_variable(tokenswarm: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """401: which environment variable holds the key, and never the key."""
    monkeypatch.setenv("MOCK_KEY", "right-key-0123456789")
    with MockProcess(MockOptions(api_key_env="MOCK_KEY")) as mock:
        done = tokenswarm(
            "run",
            "smoke",
            "--target",
            mock.url,
            "--model",
            "m",
            environ={"TOKENSWARM_API_KEY": "wrong-key-987"},
        )
    assert_refused(done, "401", "TOKENSWARM_API_KEY")
    assert "wrong-key-987" not in done.err + done.out


def test_a_right_key_is_accepted_and_never_written(
    tokenswarm: Callable, monkeypatch: pytest.MonkeyPatch, patient_profile: str
) -> None:
    """The key works for master and workers, and stands in no file of the run folder."""
    key = "right-key-0123456789"
    monkeypatch.setenv("MOCK_KEY", key)
    with MockProcess(MockOptions(ttft="20", itl="1", tokens="5", api_key_env="MOCK_KEY")) as mock:
        done = tokenswarm(
            *("run", patient_profile, "--workers", "2", "--target", mock.url, "--model", "m"),
            environ={"TOKENSWARM_API_KEY": key},
        )
    assert done.code == 0, done.out + done.err
    assert done.counted() > 0
    assert [file.name for file in done.folder.iterdir() if key in file.read_text(errors="replace")] == []
    assert key not in done.out + done.err


def test_a_server_of_web_pages_is_no_llm(tokenswarm: Callable) -> None:
    """HTML answers are recognised before any load."""
    with MockProcess(MockOptions(orders=("html=1",))) as mock:
        done = tokenswarm("run", "smoke", "--target", mock.url, "--model", "m")
    assert_refused(done, "malformed", "HTML", "doesn't look like an LLM endpoint")


def test_a_name_that_no_file_can_have_is_refused(tokenswarm: Callable) -> None:
    """Such as a file's content in place of its name."""
    assert_refused(tokenswarm("report", "x" * 5000), "xxx: File name too long")


def test_a_bad_profile_shows_every_problem(tokenswarm: Callable, tmp_path: Path) -> None:
    """File, line and key of each, all at once."""
    profile = tmp_path / "broken.yaml"
    profile.write_text("stages:\n  - {name: a, duration: 5, users: -1}\nstreeming: 50%\n")
    done = tokenswarm("run", str(profile))
    assert_refused(done, "broken.yaml:2", "users", "broken.yaml:3", "streaming")


def test_an_unknown_profile_is_answered_with_those_that_exist(tokenswarm: Callable) -> None:
    """A typing mistake costs one look."""
    assert_refused(tokenswarm("run", "strss"), "strss", "stress")


def test_a_missing_locustfile_is_named(tokenswarm: Callable, tmp_path: Path) -> None:
    """A scenario is a file in locustfiles/."""
    profile = tmp_path / "odd.yaml"
    profile.write_text("scenario: singing\nstages: [{name: a, duration: 5s, users: 1}]\n")
    assert_refused(tokenswarm("run", str(profile)), "locustfiles/singing.py", "chat")


def test_a_folder_that_cannot_be_written_is_named(tokenswarm: Callable, tmp_path: Path) -> None:
    """Before any load, because measurements without a place are lost."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a folder")
    done = tokenswarm("run", "smoke", "--reports", str(blocked))
    assert_refused(done, str(blocked))


def test_a_port_in_use_is_named(tokenswarm: Callable) -> None:
    """The mock says which port is taken and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = tokenswarm("mock", "gateway", "--port", port)
    assert done.code == 104
    assert port in done.err
    assert "Traceback" not in done.err


def test_an_unknown_option_is_bad_configuration(tokenswarm: Callable) -> None:
    """Exit 104 like every other mistake, not 2, which means something else in CI."""
    assert_refused(tokenswarm("run", "smoke", "--wrokers", "2"), "--wrokers")


def test_reporting_on_nothing_is_bad_configuration(tokenswarm: Callable, tmp_path: Path) -> None:
    """A folder that holds no run, and a prefix without CSV files."""
    for source in (tmp_path, tmp_path / "prefix"):
        done = tokenswarm("report", str(source))
        assert done.code == 104, done.out + done.err
        assert "Traceback" not in done.err
        assert str(source) in done.err


@pytest.mark.parametrize(
    ("options", "word"), [((), "--host"), (("--host", "http://127.0.0.1:9", "--run-folder", "gone"), "gone")]
)
def test_locust_alone_says_what_is_wrong(options: tuple[str, ...], word: str) -> None:
    """No target, or no folder: the mend is in the message, and no stack trace hides it."""
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "locustfiles/chat.py", "--headless", "-t", "1s", *options],
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if not name.startswith("TOKENSWARM")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 104, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
