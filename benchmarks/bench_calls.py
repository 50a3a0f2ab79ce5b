"""Whole calls per second of CPU: ours in Locust beside Locust's own users, hey and wrk, against nginx."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench_process import Nginx, Process, nginx
from parts import BODY

HERE = Path(__file__).parent
ROOT = HERE.parent
USERS = 40
ASKED = '{"model":"mock","messages":[{"role":"user","content":"Ticket 93ab41: say hello to the world in one short sentence, please."}]}'  # noqa: E501 - one line of JSON
PROFILE = f"""
name: bench
scenario: chat
stages: [{{name: hold, duration: 10m, users: {USERS}, transition: step}}]
prompts: {{short: 100, medium: 0, long: 0}}
streaming: 0%
slo: production
"""
LUA = f"wrk.method = 'POST'\nwrk.body = '{ASKED}'\nwrk.headers['content-type'] = 'application/json'\n"


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that makes calls; `needs` is a program that may be absent."""

    name: str
    needs: str
    command: Callable[[str, Path], list[str]]


def locust(file: Path, *more: str) -> Callable[[str, Path], list[str]]:
    start = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--only-summary"]
    return lambda url, _: [*start, "--host", url, *more]


def ours(url: str, place: Path) -> list[str]:
    profile = place / "bench.yaml"
    profile.write_text(PROFILE)
    more = ("--load-profile", str(profile), "--model", "mock")
    return locust(ROOT / "locustfiles" / "chat.py", *more)(url, place)


def wrk(url: str, place: Path) -> list[str]:
    (place / "wrk.lua").write_text(LUA)
    return ["wrk", "-t1", f"-c{USERS}", "-d10m", "-s", str(place / "wrk.lua"), f"{url}/v1/chat/completions"]


def hey(url: str, _: Path) -> list[str]:
    told = ["-z", "10m", "-c", str(USERS), "-m", "POST", "-T", "application/json", "-d", ASKED]
    return ["hey", *told, f"{url}/v1/chat/completions"]


SPAWN = ("-u", str(USERS), "-r", "1000")
CONTESTANTS = (
    Contestant("tokenswarm in Locust", "", ours),
    Contestant("Locust FastHttpUser", "", locust(HERE / "peers" / "fast_http_user.py", *SPAWN)),
    Contestant("Locust HttpUser", "", locust(HERE / "peers" / "http_user.py", *SPAWN)),
    Contestant("hey", "hey", hey),
    Contestant("wrk", "wrk", wrk),
)
# Goals: at least so many times as many calls per second of CPU.
GOALS = {"Locust FastHttpUser": 3.5, "hey": 1.0}


def call_us(one: Contestant, target: Nginx, seconds: float) -> float:
    """CPU of one call."""
    with tempfile.TemporaryDirectory() as place:
        # A Go program would else start threads for cores that it may not use.
        environment = {"GOMAXPROCS": "1", "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        with Process(one.command(target.url, Path(place)), environment) as process:
            return process.used(target.calls, seconds, after=200).each_us


def measured(rounds: int, seconds: float) -> dict[str, object]:
    """By contestant: the median of its rounds in µs, and of the ratios to ours within each round."""
    if shutil.which("nginx") is None:
        return {"skipped": "nginx is not installed (apt install nginx-light)"}
    absent = {
        one.name: f"{one.needs} is not installed"
        for one in CONTESTANTS
        if one.needs and not shutil.which(one.needs)
    }
    there = [one for one in CONTESTANTS if one.name not in absent]
    found: dict[str, list[float]] = {one.name: [] for one in there}
    with nginx(BODY) as target:
        for _ in range(rounds):
            for one in there:
                found[one.name].append(call_us(one, target, seconds))
    own = found[CONTESTANTS[0].name]
    rows = {
        name: {
            "us": round(median(us), 1),
            "calls_per_cpu_s": round(1e6 / median(us)),
            "ours_times": round(median(theirs / mine for theirs, mine in zip(us, own, strict=True)), 2),
            "goal": GOALS.get(name),
        }
        for name, us in found.items()
    }
    return {"rows": rows, "absent": absent}
