"""Real and written responses of every kind, and the events that they must give however they are split."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tokenswarm.wire.dialect import DIALECTS, Decoder
from tokenswarm.wire.events import Event, Whole

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
CONTENT_TYPES = {".sse": "text/event-stream; charset=utf-8", ".body": "application/json"}


def files(*suffixes: str) -> list[Path]:
    """Golden responses; the folder is the dialect, the suffix says how the response was sent."""
    return sorted(path for path in GOLDEN.glob("*/*") if path.suffix in suffixes)


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def decoder(path: Path) -> Decoder:
    return DIALECTS[path.parent.name.replace("_", "-")].decoder(CONTENT_TYPES[path.suffix])


def decode(path: Path, pieces: Iterable[bytes]) -> list[Event]:
    decoding = decoder(path)
    events = [event for piece in pieces for event in decoding.feed(piece)] + decoding.close()
    return [part for event in events for part in (event.events() if isinstance(event, Whole) else [event])]


def as_text(values: Iterable[object]) -> str:
    rows = (json.dumps({type(v).__name__: asdict(v)}, ensure_ascii=False) for v in values)  # type: ignore[call-overload]  # every one is a dataclass
    return "[\n" + ",\n".join(f"  {row}" for row in rows) + "\n]\n"


def splits(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    return ((body[:at], body[at:]) for at in range(len(body) + 1))


@pytest.mark.parametrize("path", files(".sse", ".body"), ids=name_of)
def test_whole_response_gives_the_golden_events(
    path: Path, check_golden: Callable[[Path, str], None]
) -> None:
    """A response fed in one piece gives the events written beside it."""
    check_golden(path.with_name(path.name + ".events.json"), as_text(decode(path, [path.read_bytes()])))


@pytest.mark.parametrize("path", files(".sse", ".body"), ids=name_of)
def test_bytes_one_by_one_give_the_same_events(path: Path) -> None:
    """A response that drips in gives the same events as one that comes at once."""
    body = path.read_bytes()
    assert decode(path, (body[at : at + 1] for at in range(len(body)))) == decode(path, [body])


@pytest.mark.parametrize("path", files(".sse", ".body"), ids=name_of)
def test_every_split_gives_the_same_events(path: Path) -> None:
    """Two reads give the same events wherever the network cut the response."""
    body = path.read_bytes()
    whole = decode(path, [body])
    assert [at for at, pieces in enumerate(splits(body)) if decode(path, pieces) != whole] == []


@pytest.mark.parametrize("path", files(".error"), ids=name_of)
def test_error_body_is_read_as_golden(path: Path, check_golden: Callable[[Path, str], None]) -> None:
    """The body of a failed call gives the message, kind and code written beside it."""
    said = DIALECTS[path.parent.name.replace("_", "-")].read_error(path.read_bytes())
    check_golden(path.with_name(path.name + ".said.json"), as_text([said]))


def test_no_golden_file_is_without_its_response() -> None:
    """An expectation whose response was renamed or deleted would be checked by nobody."""
    expected = GOLDEN.glob("*/*.json")
    assert [name_of(path) for path in expected if not path.with_suffix("").with_suffix("").exists()] == []
