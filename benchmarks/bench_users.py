"""Starts users of a real run in this process and says what each takes, as JSON: bench_users.py URL USERS.

The users make a call each, so that all have a connection open, and are idle from then on.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import gevent
import psutil
from locust import constant  # noqa: F401  # importing locust first patches the sockets of all that follow
from locust.env import Environment

from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names
from tokenswarm.prompts.corpus import load_corpus
from tokenswarm.swarm import locust_log
from tokenswarm.swarm.load import Load
from tokenswarm.swarm.plan import build_plan
from tokenswarm.swarm.sessions import open_session
from tokenswarm.swarm.users import PromptUser

PROFILE = """
name: idle
scenario: chat
stages: [{name: hold, duration: 1h, users: 1, transition: step}]
streaming: 0%
think_time: 30m
"""


class IdleUser(PromptUser):
    """Like MixedChat."""


def main(url: str, users: int) -> None:
    """Print memory and time of a user."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    users = min(users, hard - 200)
    with tempfile.TemporaryDirectory() as place:
        profile = Path(place) / "idle.yaml"
        profile.write_text(PROFILE)
        names = Names(profile=str(profile), target=url, model="mock")
        plan = build_plan(names, scenario="chat", seed=1, places=SearchPath.of(Path.cwd()), environ={})
    locust_log.install()
    environment = Environment(user_classes=[IdleUser])
    runner = environment.create_local_runner()
    session = open_session(environment, lambda: plan)
    session.load = Load(plan, 0, "", load_corpus())
    started(runner, 50, session.load)  # whatever is made once
    gc.collect()
    process = psutil.Process()
    before, began_s, cpu_s = process.memory_info().rss, time.monotonic(), time.process_time()
    started(runner, users, session.load)
    cpu_s, took_s = time.process_time() - cpu_s, time.monotonic() - began_s
    gc.collect()
    count = users - 50
    print(
        json.dumps(
            {
                "users": users,
                "kb_a_user": round((process.memory_info().rss - before) / count / 1024, 1),
                "users_started_per_s": round(count / took_s),
                "us_a_user": round(cpu_s / count * 1e6),
                "failures": environment.stats.num_failures,
            }
        ),
        flush=True,
    )


def started(runner: object, users: int, load: Load) -> None:
    """Start users up to that number, and wait until each has made its call."""
    runner.start(users, spawn_rate=users)
    until_s = time.monotonic() + 60
    while load.calls < users and time.monotonic() < until_s:
        gevent.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
    sys.stdout.flush()
    import os

    os._exit(0)  # ten thousand greenlets need not be ended one by one
