"""What programs beside tokenswarm are there: facts in, rows out. Runs need none of them."""

from __future__ import annotations

from dataclasses import dataclass

from tokenswarm.doctor.row import Row, ok, warning


@dataclass(frozen=True, slots=True)
class Service:
    """A server: `answers` says what answered at `address`, `program` what is installed; empty for nothing."""

    address: str
    answers: str
    program: str


@dataclass(frozen=True, slots=True)
class Containers:
    """An engine's command, what its daemon and its compose say; empty where it says nothing."""

    engine: str
    server: str
    compose: str


@dataclass(frozen=True, slots=True)
class SurroundingFacts:
    """All of them."""

    redis: Service
    prometheus: Service
    containers: Containers
    chromium: str


def surrounding_rows(facts: SurroundingFacts) -> list[Row]:
    """A row each; what is missing is a warning that says what it would be for."""
    return [
        _service("Redis", facts.redis, "the mock gateway keeps its second cache in it if asked to (--redis)"),
        _service(
            "Prometheus", facts.prometheus, "it keeps what --prometheus-port serves; docs/dashboards.md"
        ),
        _containers(facts.containers),
        _chromium(facts.chromium),
    ]


def _service(name: str, service: Service, purpose: str) -> Row:
    if service.answers:
        return ok(name, f"{service.answers} answers at {service.address}")
    if service.program:
        return ok(name, f"{service.program} is installed; none answers at {service.address}")
    package = {"Redis": "redis-server", "Prometheus": "prometheus"}[name]
    return warning(
        name,
        f"not installed, and none answers at {service.address}",
        f"only if wanted: {purpose}. `apt install {package}`, or docker compose brings one",
    )


def _containers(tools: Containers) -> Row:
    if not tools.engine:
        return warning(
            "containers", "neither docker nor podman", "only for docker-compose.yml: install one of them"
        )
    if not tools.server:
        return warning(
            "containers",
            f"{tools.engine} is installed, and its daemon doesn't answer",
            "start it, or join its group: sudo usermod --append --groups docker $USER",
        )
    if not tools.compose:
        return warning(
            "containers", f"{tools.engine} {tools.server} without compose", "install docker-compose-plugin"
        )
    return ok("containers", f"{tools.engine} {tools.server}, compose {tools.compose}")


def _chromium(program: str) -> Row:
    if program:
        return ok("chromium", program)
    return warning(
        "chromium",
        "not installed",
        "only for tokenswarm's own tests, which look at reports in it: `apt install chromium`",
    )
