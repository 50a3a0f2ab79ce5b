"""What watches a run: Prometheus's configurations and Grafana's dashboard, as a user starts them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PORT = "9646"
CONFIGURATIONS = ("by-hand.yml", "prometheus.yml")


def everything(value: Any) -> Iterator[Any]:
    """A value and all that is in it."""
    yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(one)


def test_every_panel_asks_the_data_source_that_is_chosen_at_the_top(project: Path) -> None:
    """Whatever that Prometheus is called in the Grafana which imports it."""
    dashboard = json.loads((project / "deploy/grafana/dashboards/tokenswarm.json").read_text())
    first, *_ = dashboard["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    named = [
        one["datasource"] for one in everything(dashboard) if isinstance(one, dict) and "datasource" in one
    ]
    assert len(named) > 50
    assert {(one["type"], one["uid"]) for one in named} == {("prometheus", "${datasource}")}
    asking = [panel for panel in dashboard["panels"] if panel.get("targets")]
    assert all("datasource" in panel for panel in asking)


# What each panel's first query shows at the end of half a minute in which those counters grew so each 5 s.
SUCCESS, FAILED, STOPPED, EMPTY = (
    f'outcomes_total{{outcome="{name}"}}' for name in ("success", "http_5xx", "interrupted", "empty")
)
HIT, MISS, NONE = (f'calls_total{{cache="{name}"}}' for name in ("hit", "miss", ""))
SHOWN = [
    ("Errors", {SUCCESS: 0, FAILED: 9}, {"": 1.0}),
    ("Errors", {SUCCESS: 9, FAILED: 0}, {"": 0.0}),
    ("Errors", {SUCCESS: 3, FAILED: 1, STOPPED: 9}, {"": 0.25}),
    ("Traffic by outcome", {SUCCESS: 10, EMPTY: 0}, {'{outcome="success"}': 2.0}),
    ("Cache hit rate", {MISS: 9}, {"": 0.0}),
    ("Cache hit rate", {MISS: 9, HIT: 3}, {"": 0.25}),
    ("Cache hit rate", {NONE: 9}, {}),
]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_a_panel_has_a_figure_also_where_nothing_succeeds_or_nothing_fails(
    project: Path, tmp_path: Path
) -> None:
    """A series that isn't there takes a whole quotient with it: all calls failing would be no data."""
    dashboard = json.loads((project / "deploy/grafana/dashboards/tokenswarm.json").read_text())
    queries = {
        panel["title"]: panel["targets"][0]["expr"] for panel in dashboard["panels"] if "targets" in panel
    }
    tests = [
        {
            "interval": "5s",
            "input_series": [
                {
                    "series": f"tokenswarm_{series[:-1]}," + 'arm="gateway",run="r"}',
                    "values": f"0+{step}x10",
                }
                for series, step in counters.items()
            ],
            "promql_expr_test": [
                {
                    "expr": queries[title].replace("$run", "r").replace("$__rate_interval", "20s"),
                    "eval_time": "30s",
                    "exp_samples": [{"labels": labels, "value": value} for labels, value in shown.items()],
                }
            ],
        }
        for title, counters, shown in SHOWN
    ]
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "5s", "tests": tests}))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_prometheus_takes_its_configuration(project: Path, name: str) -> None:
    """By its own tool; and it looks where runs serve their figures."""
    file = project / "deploy" / "prometheus" / name
    (job, *_) = yaml.safe_load(file.read_text())["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert target.rpartition(":")[2] == PORT
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        ["promtool", "check", "config", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_name_the_same_port(project: Path) -> None:
    """In containers, on Kubernetes and on the pages."""
    for name in (
        "docker-compose.yml",
        "Dockerfile",
        "deploy/kubernetes/master.yaml",
        "deploy/kubernetes/network.yaml",
        "docs/dashboards.md",
        "docs/distributed.md",
    ):
        assert re.search(rf"\b{PORT}\b", (project / name).read_text()), name
