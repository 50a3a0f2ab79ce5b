"""How many users there should be at a time, and how long they pause."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tokenswarm.metrics.source import StageSpan
from tokenswarm.profile.pacing import StagePlan
from tokenswarm.profile.schema import Stage
from tokenswarm.profile.think_time import ThinkTime


def stage(name: str, duration: str, users: int, **more: Any) -> Stage:
    """One stage as a file would say it."""
    return Stage.model_validate({"name": name, "duration": duration, "users": users, **more})


PLAN = StagePlan(
    [
        stage("warm-up", "10s", 10, warmup=True),
        stage("climb", "20s", 100),
        stage("hold", "60s", 100),
        stage("drop", "10s", 10, transition="step"),
        stage("end", "10s", 0),
    ]
)


@pytest.mark.parametrize(
    ("elapsed_s", "name", "users", "gloss"),
    [
        (-1, "warm-up", 10, "before the start is the start"),
        (0, "warm-up", 10, "the first stage begins with its own users"),
        (9.99, "warm-up", 10, "and keeps them"),
        (10, "climb", 10, "a stage's end belongs to the next"),
        (10.05, "climb", 10, "10.225 is ten users"),
        (10.12, "climb", 11, "10.54 is eleven"),
        (20, "climb", 55, "10 s into the climb"),
        (29.99, "climb", 100, "99.955 is a hundred users"),
        (30, "hold", 100, "the climb has ended"),
        (89.9, "hold", 100, "still"),
        (90, "drop", 10, "a step is taken at once"),
        (99.9, "drop", 10, "and held"),
        (105, "end", 5, "half of the way down"),
        (109.9, "end", 0, "a tenth of a user is none"),
        (110, None, 0, "the run has ended"),
        (1e9, None, 0, "long ago"),
    ],
)
def test_users_follow_the_stages(elapsed_s: float, name: str | None, users: int, gloss: str) -> None:
    """Linear from the stage before, or in a step."""
    found = PLAN.stage_at(elapsed_s)
    assert (found.name if found else None) == name, gloss
    assert PLAN.users_at(elapsed_s) == users, gloss


def test_spans_are_the_plan_in_time() -> None:
    """What a run's thresholds are judged by."""
    assert PLAN.total_s == 110
    assert PLAN.spans()[:2] == [StageSpan("warm-up", 0, 10, True), StageSpan("climb", 10, 30)]
    assert PLAN.spans()[-1] == StageSpan("end", 100, 110)


def test_short_stages_do_not_drift() -> None:
    """Three times 0.1 s is 0.3 s, not 0.30000000000000004."""
    assert StagePlan([stage(f"s{i}", "100ms", 1) for i in range(3)]).total_s == 0.3


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 500), st.booleans()), min_size=1, max_size=6),
    st.floats(0, 1, exclude_max=True),
)
def test_users_stay_between_the_stages_around(rows: list[tuple[int, int, bool]], share: float) -> None:
    """No ramp overshoots, at whatever time it is asked."""
    stages = [
        stage(f"s{i}", f"{ms}ms", users, transition="step" if is_step else "linear")
        for i, (ms, users, is_step) in enumerate(rows)
    ]
    plan = StagePlan(stages)
    at_s = share * plan.total_s
    found = plan.stage_at(at_s)
    assert found is not None
    before = stages[max(0, stages.index(found) - 1)].users
    assert min(before, found.users) <= plan.users_at(at_s) <= max(before, found.users)


@pytest.mark.parametrize(
    ("text", "shortest_s", "mean_s", "longest_s"),
    [
        ("100ms", 0.1, 0.1, 0.1),
        (0, 0, 0, 0),
        ({"min": "1s", "max": "3s"}, 1, 2, 3),
        ({"mean": "500ms", "distribution": "exponential"}, 0, 0.5, 50),
    ],
)
def test_think_time_is_drawn_as_described(
    text: object, shortest_s: float, mean_s: float, longest_s: float
) -> None:
    """Fixed, uniform, or mostly short and sometimes long."""
    pause = TypeAdapter[Any](ThinkTime).validate_python(text)
    rng = Random(1)
    drawn = [pause.next(rng) for _ in range(5000)]
    assert shortest_s <= min(drawn) <= max(drawn) <= longest_s
    assert sum(drawn) / len(drawn) == pytest.approx(mean_s, rel=0.05)
    assert (len(set(drawn)) > 1) == (shortest_s != longest_s)
