"""The node that runs the test, at the moment when its run folder closes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# In a process of its own: importing Locust patches the whole process.
STOOD_STILL = """
import gevent
import gevent.monkey
import sys
from pathlib import Path
from locust.env import Environment
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names
from tokenswarm.swarm.conductor import Conductor
from tokenswarm.swarm.plan import build_plan
from tokenswarm.swarm.sessions import open_session
environment = Environment()
names = Names("smoke", target="http://127.0.0.1:1", model="m")
plan = build_plan(names, scenario="chat", seed=1, places=SearchPath.of(Path.cwd()), environ={})
session = open_session(environment, lambda: plan)
session.make_plan()
conductor = Conductor(session, environment.create_local_runner(), Path(sys.argv[1]), None)

def close(after_s):
    gevent.sleep(after_s)
    conductor.close(undrained=0)

closers = [gevent.spawn(close, 0.01), gevent.spawn(close, 1.5)]
gevent.sleep(0)
# Now all of them, and the run's beat, are due in one turn of the hub, in an order that is libev's.
gevent.monkey.get_original("time", "sleep")(2)
gevent.joinall(closers, timeout=20)
gevent.sleep(0.01)
"""


def test_whose_turn_comes_with_the_end_s_writes_nothing_more(tmp_path: Path) -> None:
    """The beat of the run falls together with its close, on a machine that stood still: no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", STOOD_STILL, str(tmp_path)],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line)["event"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert (events[0], events[-1], events.count("drained")) == ("started", "drained", 1)
