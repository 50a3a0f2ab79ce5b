"""What a new suite consists of, and where each file of it comes from.

As many as can be are the very files that tokenswarm's own repository uses, and so its tests hold for them; a
few are changed where a suite differs from that repository; the rest is in `own/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokenswarm import __version__
from tokenswarm.profile.places import shipped

_OWN: Final = Path(__file__).parent / "own"

# Place in the suite → file of own/. Names that begin with a dot would be overlooked there.
_OWN_FILES: Final[Mapping[str, str]] = {
    "Makefile": "Makefile",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    ".gitignore": "gitignore",
    ".dockerignore": "dockerignore",
    "profiles/targets/gateway.yaml": "gateway.yaml",
}
_SHIPPED_FILES: Final[Mapping[str, str]] = {
    **{
        name: name
        for name in (
            "locustfiles/chat.py",
            *(f"profiles/{profile}.yaml" for profile in ("smoke", "ramp", "stress", "spike", "soak")),
            *(f"profiles/slo/{slo}.yaml" for slo in ("production", "development", "degraded")),
            "requirements.lock",
            "requirements-litellm.lock",
            "Dockerfile",
            "docker-compose.yml",
            ".env.example",
            "deploy/litellm/config.yaml",
            "deploy/prometheus/prometheus.yml",
            "deploy/prometheus/by-hand.yml",
            "deploy/grafana/dashboards/tokenswarm.json",
            "deploy/grafana/provisioning/dashboards/tokenswarm.yml",
            "deploy/grafana/provisioning/datasources/prometheus.yml",
            ".github/workflows/performance.yml",
        )
    },
    ".github/actions/tokenswarm/action.yml": "action.yml",
}

_INSTALL: Final = """COPY requirements.txt requirements.lock ./
RUN python -m venv /opt/tokenswarm \\\\
    && /opt/tokenswarm/bin/pip install --quiet --requirement requirements.txt

"""
# Place → what is found there, exactly once → what stands there instead.
_CHANGES: Final[Mapping[str, Mapping[str, str]]] = {
    "requirements.txt": {r"VERSION": __version__},
    "Dockerfile": {
        r"(?s)COPY pyproject\.toml.*?\n\n": _INSTALL,
        r"(?m)^WORKDIR /work$": r"\g<0>\nCOPY profiles profiles\nCOPY locustfiles locustfiles",
    },
    ".github/workflows/performance.yml": {
        r"uses: \./ #.*": "uses: ./.github/actions/tokenswarm",
        r"(?m)^( *)profile: smoke.*$": r"\1requirements: requirements.txt\n\g<0>",
    },
}


@dataclass(frozen=True, slots=True)
class Part:
    """One file: its place in the suite, and its text."""

    place: str
    text: str


def parts() -> Iterator[Part]:
    """All of them; reading them is all that is done."""
    for place, name in _OWN_FILES.items():
        yield _part(place, _OWN / name)
    for place, name in _SHIPPED_FILES.items():
        yield _part(place, _shipped_file(name))


def _shipped_file(name: str) -> Path:
    top, _, rest = name.partition("/")
    return shipped(top) / rest if rest else shipped(top)


def _part(place: str, source: Path) -> Part:
    text = source.read_text(encoding="utf-8")
    for found, instead in _CHANGES.get(place, {}).items():
        text, count = re.subn(found, instead, text)
        if count != 1:
            raise RuntimeError(f"{source}: {found} stands there {count} times, not once")
    return Part(place, text)
