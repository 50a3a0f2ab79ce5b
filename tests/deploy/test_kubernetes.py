"""The manifests in deploy/kubernetes: their schemas, and that they fit each other and the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tokenswarm.cli import commands
from tokenswarm.metrics.units import parse_duration
from tokenswarm.profile.load import load_profile, load_target
from tokenswarm.profile.places import SearchPath

VERSIONS = ("1.30", "1.37")
# In a process of its own: importing Locust changes the one that does it.
PARSE = (
    "import sys; from tokenswarm.swarm.lifecycle import install; install('chat');"
    " from locust.argument_parser import parse_options; parse_options(sys.argv[1:])"
)


@pytest.fixture(scope="module")
def folder(project: Path) -> Path:
    return project / "deploy" / "kubernetes"


@pytest.fixture(scope="module")
def listed(folder: Path) -> list[str]:
    return yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]


@pytest.fixture(scope="module")
def manifests(folder: Path, listed: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """By kind and name."""
    documents = [one for name in listed for one in yaml.safe_load_all((folder / name).read_text())]
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def test_every_file_is_applied(folder: Path, listed: list[str]) -> None:
    """But for the operator's, which stands for the master and the workers."""
    files = {file.name for file in folder.glob("*.yaml")}
    assert files - set(listed) == {"kustomization.yaml", "locusttest.yaml"}


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_what_the_schemas_of_kubernetes_describe(
    manifests: dict[tuple[str, str], dict[str, Any]], version: str
) -> None:
    """Strictly: no key that Kubernetes would drop."""
    assert len(manifests) == 9
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def pods(manifests: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod templates of master and worker."""
    return {
        "master": manifests["Job", "master"]["spec"]["template"],
        "worker": manifests["Deployment", "worker"]["spec"]["template"],
    }


def test_arguments_are_those_of_our_commands(manifests: dict[tuple[str, str], dict[str, Any]]) -> None:
    """As click reads them; nothing is run."""
    for pod in pods(manifests).values():
        verb, *words = pod["spec"]["containers"][0]["args"]
        commands.commands[verb].make_context(verb, words)


def test_the_master_expects_as_many_workers_as_there_are(
    manifests: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """Else it would wait, or begin too soon."""
    replicas = manifests["Deployment", "worker"]["spec"]["replicas"]
    assert f"--expect-workers={replicas}" in pods(manifests)["master"]["spec"]["containers"][0]["args"]


def test_only_workers_reach_locusts_port(manifests: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Policy, service and pods name the same labels and ports."""
    both = pods(manifests)
    policy = manifests["NetworkPolicy", "master"]["spec"]
    assert policy["podSelector"]["matchLabels"] == both["master"]["metadata"]["labels"]
    at_locust = [rule for rule in policy["ingress"] if {"protocol": "TCP", "port": 5557} in rule["ports"]]
    (rule,) = at_locust
    assert rule["from"] == [{"podSelector": {"matchLabels": both["worker"]["metadata"]["labels"]}}]
    workers = manifests["NetworkPolicy", "worker"]["spec"]
    assert workers["podSelector"]["matchLabels"] == both["worker"]["metadata"]["labels"]
    assert workers["ingress"] == []
    service = manifests["Service", "master"]
    assert service["spec"]["selector"] == both["master"]["metadata"]["labels"]
    assert "--master=master" in both["worker"]["spec"]["containers"][0]["args"]


def test_a_master_waits_for_workers_that_are_started_late_and_ends_in_its_own_time(
    manifests: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """Kubernetes restarts what ends often only after up to 300 s, and kills after 30 s what shall end."""
    master = pods(manifests)["master"]["spec"]
    (wait,) = (word for word in master["containers"][0]["args"] if "max-wait" in word)
    assert parse_duration(wait.partition("=")[2]) > 300
    assert master["terminationGracePeriodSeconds"] > 45
    annotations = pods(manifests)["master"]["metadata"]["annotations"]
    assert f"--prometheus-port={annotations['prometheus.io/port']}" in master["containers"][0]["args"]


def test_pods_are_locked_down_and_bounded(manifests: dict[tuple[str, str], dict[str, Any]]) -> None:
    """As the namespace's `restricted` demands."""
    for pod in pods(manifests).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        (container,) = pod["spec"]["containers"]
        locked = container["securityContext"]
        assert locked["allowPrivilegeEscalation"] is False
        assert locked["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_profile_and_target_of_the_config_map_are_good(
    manifests: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
) -> None:
    """Mounted where the master's arguments look for them."""
    (tmp_path / "profiles").mkdir()
    for name, text in manifests["ConfigMap", "profiles"]["data"].items():
        (tmp_path / "profiles" / name).write_text(text)
    places = SearchPath.of(tmp_path)
    assert load_profile("cluster", places, os.environ).name == "cluster"
    target = load_target(str(tmp_path / "profiles/gateway.yaml"), places, os.environ)
    assert target.key_env in manifests["Secret", "gateway-key"]["stringData"]


def test_the_operators_test_names_what_is_there(
    folder: Path, manifests: dict[tuple[str, str], dict[str, Any]], project: Path
) -> None:
    """Its fields are those of the operator's API v2, its labels those that the policies know."""
    test = yaml.safe_load((folder / "locusttest.yaml").read_text())
    assert (test["apiVersion"], test["kind"]) == ("locust.io/v2", "LocustTest")
    spec = test["spec"]
    blocks = {"image", "imagePullPolicy", "master", "worker", "security", "env", "volumes", "volumeMounts"}
    assert set(spec) == blocks
    both = pods(manifests)
    # The namespace admits no others.
    assert spec["security"]["podSecurityContext"] == both["master"]["spec"]["securityContext"]
    locked = both["master"]["spec"]["containers"][0]["securityContext"]
    assert spec["security"]["containerSecurityContext"].items() < locked.items()
    for role in ("master", "worker"):
        assert spec[role]["labels"] == both[role]["metadata"]["labels"]
        words = spec[role]["command"].split()
        parsed = subprocess.run(
            [sys.executable, "-c", PARSE, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert parsed.returncode == 0, parsed.stderr
        file = Path(words[words.index("--locustfile") + 1])
        assert (project / "locustfiles" / file.name).is_file()
    assert {mount["name"] for mount in spec["volumeMounts"]} == {one["name"] for one in spec["volumes"]}
    (secret,) = spec["env"]["secretRefs"]
    assert ("Secret", secret["name"]) in manifests
