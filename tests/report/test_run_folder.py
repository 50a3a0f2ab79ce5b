"""Reading run folders: whole ones, killed ones, damaged ones, and folders that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.errors import RunFolderError
from tokenswarm.metrics.source import Aggregation, Selector
from tokenswarm.report.run_folder import Run, read_run

RunMaker = Callable[..., Path]
STATS_HEAD = "Type,Name,Request Count,Failure Count,Average Response Time,Requests/s,50%\n"


def requests(run: Run) -> float:
    """Calls that ended in judged stages."""
    value = run.measurements.read("requests", Aggregation("count"), Selector()).value
    assert value is not None
    return value


def test_deltas_of_a_run_add_up(make_run: RunMaker) -> None:
    """Sixty lines of intervals are one set of measurements with the stages of the plan."""
    run = read_run(make_run(incident_share=0.3))
    assert requests(run) == 1726
    assert sum(fault.count for fault in run.measurements.faults.values()) == 76
    assert [stage.name for stage in run.measurements.stages] == ["warm-up", "climb", "hold", "recover"]
    assert len(run.measurements.samples) == 120
    assert (run.missing, run.damaged, run.unreached_stages) == ((), (), ())


def test_an_interrupted_run_ends_its_last_stage_when_it_stopped(make_run: RunMaker) -> None:
    """Rates are then over the seconds that really passed; stages not reached are none."""
    run = read_run(make_run(stopped_s=31.5, reason="interrupted", state="interrupted"))
    stages = run.measurements.stages
    assert [(stage.name, stage.end_s) for stage in stages] == [("warm-up", 5), ("climb", 20), ("hold", 31.5)]
    assert [stage.name for stage in run.unreached_stages] == ["recover"]
    assert run.measurements.seconds(Selector({"stage": "hold"})) == pytest.approx(11.5)


def test_a_run_that_stops_a_moment_early_ran_its_whole_plan(make_run: RunMaker) -> None:
    """Clocks of two processes tick apart; a stage isn't cut for that."""
    assert read_run(make_run(stopped_s=59.8)).measurements.stages[-1].end_s == 60


def test_the_last_stage_lasts_as_long_as_its_users_call(make_run: RunMaker) -> None:
    """They hear of the end a moment late: the calls of that moment are no higher rate."""
    late = read_run(make_run(stopped_s=62.0))
    last = late.measurements.stages[-1]
    assert (last.name, last.end_s) == ("recover", 62)
    of_last = Selector({"stage": "recover"})
    rate = late.measurements.read("request_rate", Aggregation("value"), of_last).value
    assert rate == late.measurements.count("requests", of_last) / 12


def test_the_last_stage_of_a_schedule_ends_with_it(make_run: RunMaker) -> None:
    """No call is due after it, whenever users are sent home."""
    profile = {"name": "stress", "stages": [], "arrivals": "poisson"}
    assert read_run(make_run(stopped_s=60.3, profile=profile)).measurements.stages[-1].end_s == 60


def test_a_killed_run_is_read_as_far_as_it_came(make_run: RunMaker) -> None:
    """Half a line at the end is left out, the missing end is mentioned, and the rest counts."""
    folder = make_run(reason="", drained=None, state="running", stopped_s=40.0)
    file = folder / "intervals.jsonl"
    whole = read_run(folder)
    text = file.read_text(encoding="utf-8")
    file.write_text(text[:-1000], encoding="utf-8")
    run = read_run(folder)
    assert 0 < requests(run) < requests(whole)
    assert any("intervals.jsonl: line 40, the last one, is cut off" in text for text in run.missing)
    assert any("does not say that the run stopped" in text for text in run.missing)
    assert run.damaged == ()
    assert run.measurements.stages[-1].end_s == pytest.approx(run.ended_s)


def test_lines_damaged_in_the_middle_are_lost_data(make_run: RunMaker) -> None:
    """That isn't what a killed run leaves."""
    folder = make_run()
    lines = (folder / "intervals.jsonl").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3][:50]
    lines[7] = '{"width_s": 1.0}'
    (folder / "intervals.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = read_run(folder)
    assert run.damaged == (f"intervals.jsonl: 2 of {len(lines)} lines can't be read, the first is line 4",)


@pytest.mark.parametrize("name", ["intervals.jsonl", "samples.jsonl", "events.jsonl"])
def test_a_missing_file_is_named_and_the_rest_is_read(make_run: RunMaker, name: str) -> None:
    """A run that was killed early may have any of them missing."""
    folder = make_run()
    (folder / name).unlink()
    assert f"{name} is missing" in read_run(folder).missing


def test_locusts_own_count_is_read_if_it_is_there(make_run: RunMaker) -> None:
    """A damaged file of Locust's is no reason to refuse ours."""
    folder = make_run()
    assert read_run(folder).locust_requests is None
    (folder / "locust_stats.csv").write_text(f"{STATS_HEAD},Aggregated,4711,0,1.0,1.0,1\n", encoding="utf-8")
    assert read_run(folder).locust_requests == 4711


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{STATS_HEAD},Aggregated,47",  # cut off within its number
        f"{STATS_HEAD},Aggregated,nan,0,1.0,1.0,1\n",
        f"{STATS_HEAD},Aggregated,inf,0,1.0,1.0,1\n",
        "Type,Name\n,Aggregated\n",
        "\0\0\0",
        "\udcff",
        '"' + "x" * 200_000,
    ],
)
def test_a_count_that_locust_did_not_write_is_none(make_run: RunMaker, text: str) -> None:
    """It is but a second opinion."""
    folder = make_run(stopped_s=2.0)
    (folder / "locust_stats.csv").write_bytes(text.encode(errors="surrogateescape"))
    assert read_run(folder).locust_requests is None


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """The message says what is missing, and where run folders come from."""
    with pytest.raises(RunFolderError, match=r"not a run folder, there is no run\.json"):
        read_run(tmp_path)
    with pytest.raises(RunFolderError, match="no such folder"):
        read_run(tmp_path / "nothing")


def test_a_csv_prefix_given_as_a_folder_is_recognised(tmp_path: Path) -> None:
    """People mistake one for the other."""
    (tmp_path / "mine_stats.csv").write_text(STATS_HEAD, encoding="utf-8")
    with pytest.raises(RunFolderError, match="as a CSV prefix"):
        read_run(tmp_path / "mine")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2 was written by a newer tokenswarm"),
        ({"schema": None}, "there is no schema number"),
        ({"width_s": "wide"}, "damaged"),
        ({"stages": [{}]}, "the key name is missing"),
        ({"target": 7}, "damaged"),
    ],
)
def test_a_run_json_that_is_not_ours_is_refused(
    make_run: RunMaker, change: dict[str, object], message: str
) -> None:
    """With the file and what is wrong with it; never a traceback."""
    folder = make_run(facts=change)
    with pytest.raises(RunFolderError, match=rf"run\.json: .*{message}"):
        read_run(folder)


def test_a_run_json_that_is_not_json_is_refused(make_run: RunMaker) -> None:
    """Such as one that was cut off as it was written."""
    folder = make_run()
    (folder / "run.json").write_text(json.dumps({"schema": 1})[:-2], encoding="utf-8")
    with pytest.raises(RunFolderError, match="not JSON"):
        read_run(folder)
