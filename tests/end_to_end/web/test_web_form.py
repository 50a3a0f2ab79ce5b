"""What is posted to the web UI, by hand or by a page: what can't be run starts nothing, and harms nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tokenswarm.loopback import free_port

from .conftest import SlowGit

pytestmark = pytest.mark.end_to_end
BOUND_S = 60
LOCUSTS = {"user_count": "1", "spawn_rate": "1", "host": ""}
NO_PROFILE = {"load_profile": "(none)"}
# What is posted beside that, and words of the answer.
REFUSED = [
    ({"load_profile": "smok"}, "did you mean smoke"),
    ({"load_profile": "messages"}, "scenario messages speaks anthropic-messages"),
    ({"slo": "prodution"}, "no SLO is called prodution"),
    ({"target": "litelm"}, "did you mean litellm"),
    ({"target": ""}, "name a target"),
    ({"target": "http://127.0.0.1:PORT", "model": "m"}, "Is the gateway running"),
    ({"time_scale": "fast"}, "time_scale: got fast, need a number"),
    ({"time_scale": "-1"}, "got -1, need a number > 0"),
    ({"time_scale": "nan"}, "got nan, need a number > 0"),
    ({"time_scale": ""}, "time_scale: got nothing"),
    ({"seed": "x"}, "seed: got x, need a whole number"),
    ({"prompt_mix": "1/2"}, "such as 30/50/20"),
    ({"prompt_mix": "-1/2/3"}, "instead of the profile's own: prompts.short"),
    ({"streaming": "500%"}, "got 500%, need a share"),
    ({"user_count": "many"}, "number of users: got many"),
    ({**NO_PROFILE, "user_count": "-5"}, "number of users: got -5"),
    ({**NO_PROFILE, "user_count": "1000000001"}, "from 1 to 1000000"),
    ({**NO_PROFILE, "spawn_rate": "nan"}, "ramp up: got nan"),
    ({**NO_PROFILE, "run_time": "soon"}, "run time: got soon"),
    ({"user_classes": "NoChat"}, "user class NoChat"),
    ({"reports": "/elsewhere"}, "reports: got reports, allowed: load_profile"),
]


def await_that(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + BOUND_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)  # polling for an event, bounded above


def states_in(kept: Path) -> list[str]:
    return [json.loads(file.read_text())["state"] for file in kept.glob("*/run.json")]


@pytest.fixture
def figures() -> str:
    """Where Prometheus would ask."""
    return f"http://127.0.0.1:{free_port()}/metrics"


@pytest.fixture
def client(serve: Callable, port: int, figures: str, slow_git: SlowGit) -> Any:
    """Of a web UI on a machine with such a git."""
    figures_at = ("--prometheus-port", str(urlsplit(figures).port))
    serve("smoke", "--time-scale", "0.4", *figures_at, environ=slow_git.environ)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as one:
        yield one


def gauges_at(figures: str) -> dict[str, str]:
    """What has no labels but the run and one more, by its name."""
    lines = httpx.get(figures, timeout=10).text.splitlines()
    return {line.partition("{")[0]: line.rpartition(" ")[2] for line in lines if not line.startswith("#")}


def test_what_cannot_be_run_is_refused_and_the_next_good_start_runs(
    client: httpx.Client, kept: Path, figures: str, slow_git: SlowGit
) -> None:
    """Each with its reason; nothing of it is kept, nor of a run that is stopped while it starts; and while
    one goes on no other one starts."""

    def post(**fields: str) -> dict[str, Any]:
        answer = client.post("/swarm", data={**LOCUSTS, **fields})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    dead = str(free_port())
    for fields, words in REFUSED:
        answer = post(**{name: value.replace("PORT", dead) for name, value in fields.items()})
        assert answer["success"] is False, fields
        assert words in answer["message"], fields
    gear = client.post("/user", content=b'{"user_class_name": "MixedChat", "weight": "heavy"}').json()
    assert "weight: got 'heavy'" in gear["message"]
    assert client.post("/user", content=b"rubbish").json()["success"] is False
    assert client.post("/swarm", content=b"a=" + b"b" * 2_000_000).status_code == 413
    assert client.get("/stats/requests").json()["state"] == "ready"
    assert not list(kept.iterdir())

    # What starts a run waits for a program, and is ended with it: there is a whole folder, or none.
    assert post(load_profile="smoke")["success"] is True
    await_that(slow_git.asked.exists)
    client.post("/stop")
    assert not list(kept.iterdir())
    await_that(lambda: not client.get("/tokenswarm/now").json()["is_running"])

    assert post(load_profile="smoke")["success"] is True
    await_that(lambda: client.get("/stats/requests").json()["user_count"] > 0)
    again = post(load_profile="stress")
    assert (again["success"], "a run is going on" in again["message"]) == (False, True)
    assert "tokenswarm_target_memory_bytes" in gauges_at(figures)
    early = client.get("/stats/report?download=1", timeout=5)
    assert (early.status_code, "the run goes on" in early.text) == (503, True)
    began_s = time.monotonic()
    rows = [json.dumps(client.get("/stats/requests").json()["extended_stats"]) for _ in range(20)]
    # Rows are made once a second, however many pages ask for them.
    assert len(set(rows)) <= time.monotonic() - began_s + 2
    await_that(lambda: states_in(kept) == ["finished"])
    await_that(lambda: client.get("/tokenswarm/now").json()["run"]["report"] != "")
    run = client.get("/tokenswarm/now").json()["run"]
    assert run["name"].endswith("-smoke")
    assert "<html" in client.get(run["report"]).text
    assert client.get("/stats/requests").json()["state"] == "stopped"
    # Prometheus asks on, and nothing that is of the moment may look as if it still were so.
    ended = gauges_at(figures)
    assert float(ended["tokenswarm_elapsed_seconds"]) < 12
    assert not ended.keys() & {"tokenswarm_target_memory_bytes", "tokenswarm_generator_cpu_cores"}
    assert "tokenswarm_calls_total" in ended


def test_a_port_that_is_taken_is_said_before_anything_is_served(
    start: Callable, client: httpx.Client, port: int, tmp_path: Path
) -> None:
    """By one line, and the web UI that has it goes on."""
    second = start("web", "smoke", "--web-port", str(port), "--reports", str(tmp_path / "second")).wait()
    assert second.code == 104
    assert f"--web-host 127.0.0.1 --web-port {port}: can't listen there" in second.err
    assert "Traceback" not in second.err
    assert client.get("/stats/requests").json()["state"] == "ready"
