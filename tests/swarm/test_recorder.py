"""The run folder as it is written while the run goes."""

from __future__ import annotations

import json
from pathlib import Path

from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import MAX_FAULTS, Delta, Fault, FaultKey, Labels, Series, SeriesKey
from tokenswarm.metrics.source import Selector, StageSpan
from tokenswarm.swarm.ration import Ration
from tokenswarm.swarm.recorder import MOST_EVENTS, Recorder


def delta_of(interval: int, calls: int = 1, width_s: float = 1.0) -> Delta:
    """So many successful calls in one interval."""
    key = SeriesKey(interval, "hold", Labels(outcome="success"))
    return Delta(width_s, {key: Series({"calls": calls})})


def lines_of(folder: Path, name: str = "intervals.jsonl") -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def read_back(folder: Path) -> Measurements:
    measurements = Measurements((StageSpan("hold", 0, 100),))
    for line in lines_of(folder):
        measurements.absorb(Delta.from_wire(line))
    return measurements


def test_deltas_of_several_workers_become_one_line(tmp_path: Path) -> None:
    """The file grows with intervals, not with workers or reports."""
    recorder = Recorder(tmp_path)
    for _ in range(10):
        recorder.absorb(delta_of(0))
        recorder.flush(elapsed_s=2.0)
    assert lines_of(tmp_path) == []
    recorder.flush(elapsed_s=5.0)
    assert len(lines_of(tmp_path)) == 1
    assert read_back(tmp_path).count("requests", Selector()) == 10
    recorder.close()


def test_what_arrives_after_its_interval_was_written_still_counts(tmp_path: Path) -> None:
    """A worker that reports late adds a line; deltas add up on reading."""
    recorder = Recorder(tmp_path)
    recorder.absorb(delta_of(0, calls=3))
    recorder.flush(elapsed_s=10.0)
    recorder.absorb(delta_of(0, calls=2))
    recorder.close()
    assert read_back(tmp_path).count("requests", Selector()) == 5


def test_each_line_is_on_disk_when_it_is_written(tmp_path: Path) -> None:
    """A killed run has lost nothing that was flushed: the file is read while the recorder is open."""
    recorder = Recorder(tmp_path)
    recorder.event(1.0, "stage", stage="hold")
    recorder.sample(1.0, "master", "users", 7)
    assert lines_of(tmp_path, "events.jsonl") == [{"at_s": 1.0, "event": "stage", "stage": "hold"}]
    assert lines_of(tmp_path, "samples.jsonl") == [
        {"at_s": 1.0, "source": "master", "name": "users", "value": 7}
    ]
    recorder.close()


def test_closing_writes_what_has_not_settled(tmp_path: Path) -> None:
    """The last seconds of a run are as good as the others."""
    recorder = Recorder(tmp_path)
    recorder.absorb(delta_of(7, calls=4))
    recorder.close()
    assert read_back(tmp_path).count("requests", Selector()) == 4


def test_faults_are_written_once(tmp_path: Path) -> None:
    """Failures are merged by message until the next flush and not repeated after it."""
    recorder = Recorder(tmp_path)
    for at_s in (1.0, 2.0):
        recorder.absorb(Delta(1.0, faults={FaultKey("connect", 0, "refused"): Fault(1, at_s, at_s)}))
    recorder.flush(elapsed_s=3.0)
    recorder.close()
    (fault,) = read_back(tmp_path).faults.values()
    assert (fault.count, fault.first_s, fault.last_s) == (2, 1.0, 2.0)


def test_a_width_that_doubles_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    """What was measured in fine intervals is written before coarse ones begin."""
    recorder = Recorder(tmp_path)
    recorder.absorb(delta_of(3, calls=2))
    recorder.absorb(delta_of(2, calls=5, width_s=2.0))
    recorder.close()
    assert read_back(tmp_path).count("requests", Selector()) == 7


def test_a_run_that_would_fill_its_share_is_written_coarser(tmp_path: Path) -> None:
    """Calls are all there, in fewer and wider intervals."""
    recorder = Recorder(tmp_path, settle_s=0.0, ration=Ration(total_s=600, most_bytes=30_000))
    for i in range(600):
        recorder.absorb(delta_of(i))
        recorder.flush(elapsed_s=i + 1.0)
    recorder.close()
    measurements = read_back(tmp_path)
    assert (tmp_path / "intervals.jsonl").stat().st_size <= 33_000
    assert measurements.width_s > 1.0
    assert measurements.count("requests", Selector({"stage": "hold"})) == 600


def test_a_target_with_a_new_message_for_each_call_fills_no_file(tmp_path: Path) -> None:
    """Beyond MAX_FAULTS in the whole run, not in each line, messages are no longer told apart."""
    recorder = Recorder(tmp_path, settle_s=0.0)
    for i in range(30):
        faults = {FaultKey("http_5xx", 500, f"id {i} {n}"): Fault(1, i, i) for n in range(50)}
        recorder.absorb(Delta(1.0, {**delta_of(i).series}, faults))
        recorder.flush(elapsed_s=i + 1.0)
    recorder.close()
    assert len(lines_of(tmp_path)[-1]["faults"]) == 1  # type: ignore[arg-type]
    faults = read_back(tmp_path).faults
    assert len(faults) == MAX_FAULTS + 1
    assert sum(fault.count for fault in faults.values()) == 1500


def test_a_worker_that_comes_and_goes_fills_no_file(tmp_path: Path) -> None:
    """After MOST_EVENTS of what can happen for ever, only the rest is written."""
    recorder = Recorder(tmp_path)
    for i in range(MOST_EVENTS + 100):
        recorder.event(float(i), "worker_lost", worker="worker-1")
    recorder.event(1e6, "stopped", reason="finished")
    recorder.close()
    rows = lines_of(tmp_path, "events.jsonl")
    assert len(rows) == MOST_EVENTS + 1
    assert rows[-1]["event"] == "stopped"


def test_an_idle_collector_writes_nothing(tmp_path: Path) -> None:
    """Seconds without calls leave no lines."""
    recorder = Recorder(tmp_path)
    recorder.absorb(Collector(0.0, 1.0).drain())
    recorder.close()
    assert lines_of(tmp_path) == []


def test_a_full_disk_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """The device that is always full takes the place of the file; the caller sees why, once."""
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    recorder = Recorder(tmp_path)
    recorder.event(1.0, "started")
    recorder.event(2.0, "stopped")
    recorder.sample(1.0, "master", "users", 7)
    recorder.close()
    assert "No space left" in recorder.failure
    assert len(lines_of(tmp_path, "samples.jsonl")) == 1
