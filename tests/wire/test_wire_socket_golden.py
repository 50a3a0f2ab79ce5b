"""Recorded and written WebSocket conversations, and the events that they must give.

A `.ws` file holds one server message a line; a line of `---` is where the next call starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tokenswarm.wire.events import Event
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS, SocketSession

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
FILES = sorted(GOLDEN.glob("*/*.ws"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def session(path: Path) -> SocketSession:
    return SOCKET_DIALECTS[path.parent.name.replace("_", "-")](None).session()


def converse(path: Path) -> list[str]:
    """What each message gave, a line each."""
    talking = session(path)
    rows = []
    for line in path.read_bytes().splitlines():
        if line == b"---":
            rows.append("--- " + ("ready" if talking.is_ready else "not ready"))
            talking.begin()
        else:
            rows.append(as_text(talking.feed(line)))
    return rows


def as_text(events: list[Event]) -> str:
    said = [{type(event).__name__: asdict(event)} for event in events]
    return json.dumps(said, ensure_ascii=False)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_messages_give_the_golden_events(path: Path, check_golden: Callable[[Path, str], None]) -> None:
    """Each message gives the events in the same line of the file beside it."""
    check_golden(path.with_name(path.name + ".events"), "\n".join(converse(path)) + "\n")


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "openai_realtime"], ids=name_of)
def test_the_beta_reads_what_the_general_release_reads(path: Path) -> None:
    """Gateways mix both generations of names: whichever was asked for, both are understood."""
    beta = SOCKET_DIALECTS["openai-realtime-beta"](None).session()
    general = session(path)
    for line in path.read_bytes().splitlines():
        if line == b"---":
            beta.begin()
            general.begin()
        else:
            assert beta.feed(line) == general.feed(line)
