"""`tokenswarm run` in every dialect, from the command line to the rows of Locust's table."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess

pytestmark = pytest.mark.end_to_end
KEY = "ak-of-the-proxy-7f3a"


def rows(folder: Path) -> set[str]:
    """The names in Locust's table, but for its sum."""
    (table,) = folder.glob("*_stats.csv")
    lines = csv.DictReader(table.read_text().splitlines())
    return {row["Name"] for row in lines if row["Name"] != "Aggregated"}


def test_profiles_of_all_dialects_run_against_the_embedded_mock(start: Callable, tmp_path: Path) -> None:
    """Every call is counted and none fails; rows bear the scenario's name. All at once, to save time."""
    names = ["messages", "responses", "completions", "embeddings"]
    running = {
        name: start("run", name, "--time-scale", "0.2", "--reports", str(tmp_path / name)) for name in names
    }
    for name, command in running.items():
        done = command.wait()
        assert done.code in (0, 99, 111), done.out + done.err  # a busy machine may be too slow …
        (folder,) = (tmp_path / name).iterdir()
        run = json.loads((folder / "run.json").read_text())
        summary = json.loads((folder / "summary.json").read_text())
        totals = {row["metric"]: row["value"] for row in summary["totals"]}
        assert run["mock"]["received"] == totals["requests"] > 0, done.err
        assert totals["failures"] == 0, done.out  # … but is never wrong
        scenarios, _, kinds = map(set, zip(*(row.split() for row in rows(folder)), strict=True))
        assert scenarios == {name}
        assert kinds == ({"plain"} if name == "embeddings" else {"stream", "plain"})


def test_proxy_with_the_key_in_its_path(
    tokenswarm: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """proxy-001 in Anthropic Messages at /ak/KEY/v1/messages: all answered, and the key is in no file."""
    monkeypatch.setenv("MOCK_KEY", KEY)
    log = tmp_path / "truth.jsonl"
    with MockProcess(MockOptions(ttft="2", itl="0.1", api_key_env="MOCK_KEY", truth_log=log)) as mock:
        environ = {"PROXY_URL": mock.url, "PROXY_ACCESS_KEY": KEY}
        done = tokenswarm("run", "proxy-001", "--target", "proxy", "--time-scale", "0.03", environ=environ)
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(call["status"], call["id"][:4]) for call in calls} == {(200, "msg_")}
    assert {call["output_tokens"] for call in calls} <= {10, 20}  # max_tokens of the profile
    assert {row.split()[0] for row in rows(done.folder)} == {"chat"}  # the scenario's name, not the dialect's
    assert done.run["target"]["dialect"] == "anthropic-messages"
    assert KEY not in done.out + done.err
    assert not [
        path for path in done.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]


def test_refused_key_in_the_path_is_said_without_showing_it(
    tokenswarm: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any load, with the variable that holds it."""
    monkeypatch.setenv("MOCK_KEY", "another")
    with MockProcess(MockOptions(ttft="2", itl="0.1", api_key_env="MOCK_KEY")) as mock:
        environ = {"PROXY_URL": mock.url, "PROXY_ACCESS_KEY": KEY}
        done = tokenswarm("run", "proxy-001", "--target", "proxy", environ=environ)
    assert done.code == 104
    assert "Set PROXY_ACCESS_KEY in the environment" in done.err
    assert "authentication_error" in done.err
    assert KEY not in done.err
