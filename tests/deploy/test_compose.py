"""docker-compose.yml, checked without a container engine: its schema, its commands, its promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tokenswarm.cli import commands
from tokenswarm.metrics.units import parse_duration
from tokenswarm.profile.load import load_profile, load_target
from tokenswarm.profile.places import SearchPath

# 5 s for calls in flight, 20 s for Prometheus, and as long again for the reports of a soak on one core.
SLOWEST_END_S = 45
OURS = ("tokenswarm", "tokenswarm-litellm")
# `${NAME}`, `${NAME:-default}`, `${NAME:?what to do}`
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@pytest.fixture(scope="module")
def services(project: Path) -> dict[str, Any]:
    return yaml.safe_load((project / "docker-compose.yml").read_text())["services"]


def filled(text: str) -> str:
    """As compose replaces variables that nobody has set."""
    return VARIABLE.sub(lambda found: found[3] if found[2] == "-" else "", text)


def test_the_file_is_what_the_compose_specification_describes(project: Path) -> None:
    """By the specification's own schema."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            project / "docker-compose.yml",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_is_one_that_we_have(services: dict[str, Any]) -> None:
    """Verb and options, as click reads them; nothing is run."""
    asked = {
        name: [filled(word) for word in service["command"]]
        for name, service in services.items()
        if service.get("image", "").startswith("tokenswarm:")
    }
    assert set(asked) == {"primary", "secondary", "mock", "master", "worker"}
    for words in asked.values():
        command: click.Command = commands
        rest = list(words)
        while isinstance(command, click.Group):
            command = command.commands[rest.pop(0)]
        command.make_context(command.name, rest)


def test_every_service_has_limits_and_all_that_serve_say_when_they_are_ready(
    services: dict[str, Any],
) -> None:
    """What waits for another waits for its health."""
    for name, service in services.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        for other, wait in service.get("depends_on", {}).items():
            assert other in services
            if wait["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], other
    assert services["master"]["depends_on"]["gateway"]["condition"] == "service_healthy"
    assert set(services["gateway"]["depends_on"]) == {"primary", "secondary", "redis"}


def test_as_many_workers_start_as_the_master_waits_for(project: Path, services: dict[str, Any]) -> None:
    """By one variable; and they play the scenario of the profile."""
    master, worker = services["master"]["command"], services["worker"]
    assert worker["scale"] == master[master.index("--expect-workers") + 1]
    profile = load_profile(filled(master[1]), SearchPath.of(project), os.environ)
    words = worker["command"]
    assert filled(words[words.index("--scenario") + 1]) == profile.scenario


def test_images_are_pinned_and_ports_are_bound_to_this_machine(services: dict[str, Any]) -> None:
    """Of others' images a version is named; nothing is open to the network that the machine is in."""
    for name, service in services.items():
        image, _, tag = filled(service["image"]).rpartition(":")
        assert image in OURS or re.fullmatch(r"v?\d+\.\d+\.\d+(-\w+)?", tag), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_locusts_port_is_in_a_network_of_master_and_workers_alone(services: dict[str, Any]) -> None:
    """It has no password. The master is in another network, too, but doesn't listen there."""
    there = {name for name, service in services.items() if "fleet" in service.get("networks", [])}
    assert there == {"master", "worker"}
    (name,) = services["master"]["networks"]["fleet"]["aliases"]
    master, worker = services["master"]["command"], services["worker"]["command"]
    assert master[master.index("--bind-host") + 1] == worker[worker.index("--master") + 1] == name
    assert name not in services


def test_a_master_that_is_stopped_has_the_time_to_write_its_reports(services: dict[str, Any]) -> None:
    """Calls in flight, the last scrape and the reports take longer than the ten seconds there are else."""
    assert parse_duration(services["master"]["stop_grace_period"]) > SLOWEST_END_S


def test_no_key_stands_in_the_file_and_env_example_has_each_variable(
    project: Path, services: dict[str, Any]
) -> None:
    """Keys are in .env, which neither git nor an image takes."""
    text = (project / "docker-compose.yml").read_text()
    said = {line.split("=")[0] for line in (project / ".env.example").read_text().splitlines() if "=" in line}
    asked = {found[1] for found in VARIABLE.finditer(text)}
    assert asked - said == {"TOKENSWARM_VERSION"}
    assert said <= asked
    assert ".env" in (project / ".gitignore").read_text().splitlines()
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if "KEY" in name or "PASSWORD" in name:
                assert VARIABLE.fullmatch(value), name


def test_the_target_that_is_named_is_the_gateway(services: dict[str, Any], project: Path) -> None:
    """By a name of profiles/targets, with the address that the gateway has inside."""
    master = services["master"]
    words = [filled(word) for word in master["command"]]
    environ = {**os.environ, **master["environment"]}
    target = load_target(words[words.index("--target") + 1], SearchPath.of(project), environ)
    assert target.url == "http://gateway:4000"
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    for place in mounted:
        assert not place.startswith("./") or (project / place).exists(), place


def test_litellm_asks_the_providers_that_are_there(project: Path, services: dict[str, Any]) -> None:
    """Its configuration names them, and keeps its key in the environment."""
    config = yaml.safe_load((project / "deploy/litellm/config.yaml").read_text())
    bases = [model["litellm_params"]["api_base"] for model in config["model_list"]]
    assert bases == ["http://primary:8000/v1", "http://secondary:8000/v1"]
    assert {"primary", "secondary", "redis"} <= set(services)
    assert config["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
