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
