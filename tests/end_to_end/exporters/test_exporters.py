"""Figures as the real Prometheus and the real InfluxDB have them, beside the run's own summary."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tokenswarm.exporters.influx_lines import InfluxLines
from tokenswarm.loopback import free_port
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import Delta, Labels, Series, SeriesKey
from tokenswarm.metrics.standing import RUNNING, Standing
from tokenswarm.mock.stack import start_stack

from ...exporters.influx_v2 import InfluxV2, MalformedError, Point

pytestmark = pytest.mark.end_to_end
READY_S = 60
DASHBOARD = Path(__file__).parents[3] / "deploy/grafana/dashboards/tokenswarm.json"
NOTHING_YET = Standing(
    *("run", "profile", "target", "chat", "model", RUNNING, "", 0.0, 1.0, 0),
    workers=(),
    totals=Measurements(),
    recent=Measurements(),
    thresholds=(),
)
# All that a chart of the dashboard shows is in it: hits and misses, streams, costs, limits.
PROFILE = """
stages: [{name: hold, duration: 9s, users: 6}]
think_time: 30ms
cache: {exact: 60, unique: 40, pool: 10, ttl: 60s}
thresholds:
  error_rate: "< 1%"
  latency: "p(95) < 20s"
  ttft: "p(95) < 20s"
  overhead: "p(95) < 20s"
  cache_hit_rate: "> 1%"
  ws_open: {threshold: "> 1", if_measured: true}
  target_cpu: max < 100%
  target_memory: max < 64GB
  target_latency: p(95) < 20s
"""
TARGET = """
name: stack
url: URL
model: mock
prices: {input: 1, output: 2}
gateway: llm-edge-agent
monitor:
  process: PID
  prometheus: {url: PAGE}
"""


def await_that(is_so: Callable[[], bool], said: Callable[[], str]) -> None:
    deadline_s = time.monotonic() + READY_S
    while not is_so():
        assert time.monotonic() < deadline_s, said()
        time.sleep(0.1)  # polling for an event, bounded above


class Server:
    """A server of somebody else's, started and ended as often as a test wants."""

    def __init__(self, command: list[str], url: str, ready: str, log: Path) -> None:
        self.url = url
        self._command, self._ready, self._log = command, ready, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._log.parent
            )
        await_that(self._is_ready, self._log.read_text)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def get(self, path: str, **query: str) -> Any:
        answer = httpx.get(self.url + path, params=query, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(self.url + self._ready, timeout=2).is_success
        return False


@pytest.fixture
def scraped_port() -> int:
    return free_port()


@pytest.fixture
def prometheus(tmp_path: Path, scraped_port: int) -> Iterator[Server]:
    """It scrapes each second."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder, port = tmp_path / "prometheus", free_port()
    folder.mkdir()
    jobs = f"[{{job_name: tokenswarm, static_configs: [{{targets: ['127.0.0.1:{scraped_port}']}}]}}]"
    (folder / "own.yml").write_text(
        f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: {jobs}\n"
    )
    command = ["prometheus", "--config.file=own.yml", f"--web.listen-address=127.0.0.1:{port}"]
    server = Server(
        [*command, "--storage.tsdb.path=data"], f"http://127.0.0.1:{port}", "/-/ready", folder / "log"
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Server]:
    """Version 1, with an empty database `load`."""
    if shutil.which("influxd") is None:
        pytest.skip("influxdb is not installed")
    folder, port = tmp_path / "influx", free_port()
    folder.mkdir()
    (folder / "own.conf").write_text(
        "reporting-disabled = true\n"
        f'bind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\n dir = "{folder}/meta"\n'
        f'[data]\n dir = "{folder}/data"\n wal-dir = "{folder}/wal"\n'
        f'[http]\n bind-address = "127.0.0.1:{port}"\n'
    )
    server = Server(["influxd", "-config", "own.conf"], f"http://127.0.0.1:{port}", "/ping", folder / "log")
    server.start()
    answer = httpx.post(f"{server.url}/query", params={"q": "CREATE DATABASE load"}, timeout=20)
    assert answer.is_success, answer.text
    yield server
    server.stop()


def value_of(prometheus: Server, query: str) -> float:
    """Of an instant query that gives one figure."""
    (result,) = prometheus.get("/api/v1/query", query=query)["data"]["result"]
    return float(result["value"][1])


def queries_of(dashboard: Path, run: str) -> Iterator[tuple[str, str]]:
    """Every panel's queries, as Grafana would send them."""
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$run", run).replace("$__rate_interval", "4s")


def selected(influx: Server, query: str) -> list[float]:
    """The figures of a query's one row, without its time."""
    (series,) = influx.get("/query", db="load", q=query)["results"][0]["series"]
    return [float(value) for value in series["values"][0][1:]]


def test_prometheus_and_influxdb_have_the_figures_of_the_summary(
    start: Callable, prometheus: Server, influx: Server, scraped_port: int, tmp_path: Path
) -> None:
    """Within 1 %, though InfluxDB was away for a while in mid-run; its points waited."""
    profile, target = tmp_path / "own.yaml", tmp_path / "target.yaml"
    profile.write_text(PROFILE)
    with start_stack(l1_ttl=300.0) as stack:
        pid, page = str(stack.gateway.pid), stack.metrics_url
        target.write_text(TARGET.replace("URL", stack.url).replace("PID", pid).replace("PAGE", page))
        run = start(
            *("run", str(profile), "--target", str(target), "--prometheus-port", str(scraped_port)),
            *("--influx", f"{influx.url}/write?db=load"),
        )
        run.await_measurements()
        influx.stop()
        run.await_that(lambda: "InfluxDB can't be reached" in run.err)
        influx.start()
        done = run.wait()
    summary = json.loads((done.folder / "summary.json").read_text())
    (sent,) = done.events("influx")
    assert sent["dropped"] == 0
    assert sent["sent"] > 0
    (latency,) = (s for s in summary["spreads"] if (s["metric"], s["group"]) == ("latency", "all"))
    calls, name = latency["count"], done.folder.name
    assert calls == done.counted() > 100

    def last(metric: str) -> str:
        return f'last_over_time({metric}{{run="{name}"}}[5m])'

    assert value_of(prometheus, f"sum({last('tokenswarm_calls_total')})") == pytest.approx(calls, rel=0.01)
    mean = f"sum({last('tokenswarm_latency_seconds_sum')}) / sum({last('tokenswarm_latency_seconds_count')})"
    assert value_of(prometheus, mean) * 1000 == pytest.approx(latency["avg_ms"], rel=0.01)
    for quantile, figure in (("0.5", "p50_ms"), ("0.95", "p95_ms"), ("0.99", "p99_ms")):
        query = f'last_over_time(tokenswarm_latency_quantile_seconds{{quantile="{quantile}"}}[5m])'
        assert value_of(prometheus, query) * 1000 == pytest.approx(latency[figure], rel=0.01)
    state = prometheus.get("/api/v1/query", query=last("tokenswarm_threshold_state"))["data"]["result"]
    assert {result["metric"]["line"] for result in state} == {row["line"] for row in summary["thresholds"]}
    states = {result["metric"]["metric"]: float(result["value"][1]) for result in state}
    assert set(states.values()) <= {0.0, -1.0}
    assert states["target_cpu"] == states["target_memory"] == states["target_latency"] == 0
    monitored = [json.loads(line) for line in (done.folder / "samples.jsonl").read_text().splitlines()]
    asked = sum(row["value"] for row in monitored if row["name"] == "target_requests")
    assert value_of(prometheus, last("tokenswarm_target_requests_total")) == pytest.approx(asked, rel=0.01)
    assert value_of(prometheus, f"sum({last('tokenswarm_monitor_up')})") == 2
    for title, query in queries_of(DASHBOARD, name):
        now_s = time.time()
        result = prometheus.get(
            "/api/v1/query_range", query=query, start=str(now_s - 60), end=str(now_s), step="1"
        )["data"]["result"]
        values = [float(value) for series in result for _, value in series["values"]]
        assert any(not math.isnan(value) for value in values), f"{title}: {query}"

    of_run = f"WHERE run='{name}'"
    (counted,) = selected(influx, f"SELECT SUM(calls) FROM tokenswarm {of_run}")
    assert counted == pytest.approx(calls, rel=0.01)
    total, count = selected(
        influx, f"SELECT SUM(latency_sum), SUM(latency_count) FROM tokenswarm {of_run} AND outcome='success'"
    )
    assert 1000 * total / count == pytest.approx(latency["avg_ms"], rel=0.01)
    (users,) = selected(influx, f'SELECT MAX("users") FROM tokenswarm_run {of_run}')
    assert users == 6
    (grown,) = selected(influx, f"SELECT SUM(target_requests) FROM tokenswarm_target {of_run}")
    assert grown == pytest.approx(asked, rel=0.01)
    memory = [row["value"] for row in monitored if row["name"] == "target_memory"]
    (most,) = selected(influx, f"SELECT MAX(target_memory) FROM tokenswarm_target {of_run}")
    assert min(memory) <= most <= max(memory)


def test_our_influxdb_2_reads_names_as_the_real_influxdb_does(influx: Server) -> None:
    """Else it would prove nothing: what our lines hold, both read alike, and what one refuses, so does the
    other."""
    names = [
        "a,b",
        r"a\,b",
        "a b",
        "a=b",
        r"a\= b",
        "\\",
        "a\\\\b",
        'q"uo"te',
        "ü",
        " x ",
        "=,= ",
        "#x",
        "1i",
        "a\nb",
    ]
    at_ns = time.time_ns()
    for name in names:
        labels = Labels(model=name)
        lines = InfluxLines()
        lines.absorb(Delta(1.0, {SeriesKey(0, "hold", labels): Series({"calls": 3, "cost": 0.5})}))
        (line,) = (one for one in lines.take(NOTHING_YET, at_ns) if one.startswith("tokenswarm,"))
        answer = httpx.post(f"{influx.url}/write?db=load", content=line.encode(), timeout=20)
        assert answer.status_code == 204, answer.text
        found = influx.get("/query", db="load", q="SELECT * FROM tokenswarm", epoch="ns")
        (series,) = found["results"][0]["series"]
        row = dict(zip(series["columns"], series["values"][-1], strict=True))
        point = Point.read(line)
        at_ns += 1
        assert (row["time"], row["model"], row["calls"], row["cost"]) == (
            point.time_ns,
            point.tags.get("model"),
            point.fields["calls"],
            point.fields["cost"],
        )
    for text in (f"t,a= x=1 {at_ns}", f"t,a=b=c x=1 {at_ns}", f"t x=nan {at_ns}", f"t,a=b\\ x=1 {at_ns}"):
        assert httpx.post(f"{influx.url}/write?db=load", content=text.encode(), timeout=20).status_code == 400
        with pytest.raises(MalformedError):
            Point.read(text)


def test_a_port_that_is_taken_and_a_slow_influxdb_2_harm_no_run(start: Callable) -> None:
    """Nobody can scrape it, which is said and reported; every call is in version 2, though its answers take
    a second and the last of them come when the load is over."""
    with socket.create_server(("127.0.0.1", 0)) as taken, InfluxV2(pause_s=1.0) as influx:
        port = taken.getsockname()[1]
        done = start(
            *("run", "smoke", "--time-scale", "0.3", "--influx", influx.url, "--prometheus-port", str(port)),
            environ={"INFLUX_TOKEN": influx.token},
        ).wait()
    assert done.code == 0 or done.is_starved, done.err
    said = f"tokenswarm: --prometheus-port {port}: somebody else listens at 127.0.0.1 already"
    assert done.err.count(said) == 1
    checks = json.loads((done.folder / "summary.json").read_text())["checks"]
    (check,) = (check for check in checks if check["what"] == "Prometheus")
    assert check["state"] == "warning"
    assert "this report lacks nothing" in check["text"]
    (sent,) = done.events("influx")
    assert (sent["dropped"], sent["problem"]) == (0, "")
    assert set(influx.statuses) == {204}
    assert sum(int(point.fields.get("calls", 0)) for point in influx.of("tokenswarm")) == done.counted() > 0


@pytest.mark.parametrize(
    ("options", "environ", "said"),
    [
        (("--influx", "rubbish"), {}, "--influx rubbish: need the address"),
        ((), {"TOKENSWARM_PROMETHEUS_PORT": "70000"}, "got 70000, need a port from 1 to 65535"),
        (("--prometheus-port", "9646", "--prometheus-host", "192.0.2.1"), {}, "can't listen at 192.0.2.1"),
    ],
)
def test_what_no_export_can_be_is_refused_before_any_call(
    start: Callable, options: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    """Exit code 104; not even the preflight has called the target."""
    target = f"http://127.0.0.1:{free_port()}"
    done = start("run", "smoke", "--target", target, "--model", "m", *options, environ=environ).wait()
    assert done.code == 104
    assert said in done.err
    assert "preflight" not in done.err
    assert not done.reports.exists()


def test_an_influxdb_that_never_answers_costs_its_points_and_nothing_else(start: Callable) -> None:
    """Said once on the terminal, and in the report how many points are not there."""
    url = f"http://127.0.0.1:{free_port()}/write?db=load"
    done = start("run", "smoke", "--time-scale", "0.2", "--influx", url).wait()
    assert done.code == 0 or done.is_starved, done.err
    assert done.err.count("InfluxDB can't be reached") == 1
    (sent,) = done.events("influx")
    assert (sent["sent"], sent["dropped"] > 0) == (0, True)
    checks = json.loads((done.folder / "summary.json").read_text())["checks"]
    (check,) = (check for check in checks if check["what"] == "InfluxDB")
    assert check["state"] == "warning"
    assert "this report lacks nothing" in check["text"]
