"""A report that came over a wire is taken whole or not at all, and can't make our memory grow."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenswarm.metrics.delta_bounds import (
    MERGED_LABELS,
    MOST_LABEL_SETS,
    OTHER,
    DeltaBounds,
    DeltaError,
    LabelBound,
    checked_delta,
)
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.series import Delta, Fault, FaultKey, Labels, Series, SeriesKey

BOUNDS = DeltaBounds(frozenset({"hold"}), 1.0)
LATEST_S = 60.0


def report(**changed: Any) -> Delta:
    """Three calls of one interval, one of them failed."""
    histogram = Histogram()
    histogram.fold([0.1, 0.2])
    said: dict[str, Any] = {
        "width_s": 1.0,
        "interval": 3,
        "stage": "hold",
        "labels": Labels(prompt="short", stream="true", arm="gateway", outcome="success"),
        "counts": {"calls": 2},
        "values": {"latency": histogram},
        "fault": FaultKey("connect", 0, "refused"),
        "seen": Fault(1, 3.0, 3.5),
        **changed,
    }
    series = {
        SeriesKey(said["interval"], said["stage"], said["labels"]): Series(said["counts"], said["values"])
    }
    return Delta(said["width_s"], series, {said["fault"]: said["seen"]})


def test_what_a_worker_writes_is_read_as_it_was() -> None:
    """Nothing is lost on the way."""
    wire = report().to_wire()
    assert checked_delta(wire, BOUNDS, LATEST_S).to_wire() == wire


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (report(width_s=2.0), "intervals of 2 s in a run with 1 s"),
        (report(interval=61), "interval 61, which has not begun"),
        (report(interval=-1), "interval -1"),
        (report(stage="other"), "no stage of this run is called 'other'"),
        (report(labels=Labels(arm="both")), "label arm: 'both' is none of its values"),
        (report(labels=Labels(provider="x" * 101)), "label provider: need a text of at most 100"),
        (report(counts={"calls": 1.5}), "calls: got 1.5, need a whole number"),
        (report(counts={"calls": math.nan}), "calls: got nan"),
        (report(counts={"calls": True}), "calls: got True"),
        (report(counts={"calls": 1e16}), "need a number from -1e+15 to 1e+15"),
        (report(counts={str(i): 1 for i in range(501)}), "more than 500 counters"),
        (report(counts={"x" * 301: 1}), "at most 300 characters"),
        (report(values={"speed": report().series.popitem()[1].values["latency"]}), "no metric is called"),
        (report(fault=FaultKey("success?", 0, "")), "a failure of 'success?'"),
        (report(fault=FaultKey("connect", 1000, "")), "status 1000"),
        (report(fault=FaultKey("connect", 0, "x" * 2_001)), "more than 2000 characters"),
        (report(seen=Fault(1, math.inf, 3.0)), "a failure: got inf"),
    ],
)
def test_what_no_worker_writes_is_refused_with_its_reason(wrong: Delta, says: str) -> None:
    """Each bound by itself."""
    with pytest.raises(DeltaError) as refused:
        checked_delta(wrong.to_wire(), BOUNDS, LATEST_S)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: None, "a delta is a map, not NoneType"),
        (lambda wire: {**wire, "series": {}}, "series: need a list of at most 5000"),
        (lambda wire: {**wire, "series": [[]] * 5_001}, "series: need a list of at most 5000"),
        (lambda wire: {**wire, "faults": [[]] * 401}, "faults: need a list of at most 400"),
        (lambda wire: {**wire, "histograms": "text"}, "histograms: need bytes"),
        (lambda wire: {**wire, "histograms": b"\x00" * 10}, "not what a worker writes"),
        (lambda wire: {**wire, "series": [[1]]}, "not what a worker writes"),
    ],
)
def test_rubbish_is_refused_by_its_form(change: Callable, says: str) -> None:
    """Whatever the bytes are, there is one kind of error."""
    with pytest.raises(DeltaError) as refused:
        checked_delta(change(report().to_wire()), BOUNDS, LATEST_S)
    assert says in str(refused.value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(part=st.sampled_from(["width_s", "series", "faults", "histograms"]), rubbish=PLAIN)
def test_no_rubbish_raises_anything_else(part: str, rubbish: Any) -> None:
    """Any part of a report may be anything."""
    with contextlib.suppress(DeltaError):
        checked_delta({**report().to_wire(), part: rubbish}, BOUNDS, LATEST_S)


def test_label_sets_are_bounded_and_no_call_is_lost() -> None:
    """A target that names a new provider with each call costs its name, and nothing else."""
    bound, calls, merged, labels = LabelBound(), 0.0, 0.0, set()
    for number in range(3 * MOST_LABEL_SETS):
        delta = bound.apply(report(labels=Labels(prompt="short", provider=f"provider-{number}")))
        for key, series in delta.series.items():
            labels.add(key.labels)
            calls += series.counts["calls"]
            merged += series.counts.get(MERGED_LABELS, 0)
    assert calls == 2 * 3 * MOST_LABEL_SETS
    assert merged == 2 * 2 * MOST_LABEL_SETS
    assert len(labels) == MOST_LABEL_SETS + 1
    assert Labels(prompt="short", provider=OTHER) in labels


def test_labels_of_profiles_are_bounded_too() -> None:
    """A forger may make up models as well: what is closed stays apart, all else is put together."""
    bound, labels = LabelBound(), set()
    for number in range(4 * MOST_LABEL_SETS):
        delta = bound.apply(report(labels=Labels(model=f"model-{number}", stream="true")))
        labels |= {key.labels for key in delta.series}
    assert len(labels) <= 2 * MOST_LABEL_SETS + 1
    assert Labels(model=OTHER, stream="true") in labels
