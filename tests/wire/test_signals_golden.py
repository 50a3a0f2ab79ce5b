"""What presets read out of gateways' answers: captured ones, and written ones after the gateways' docs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenswarm.wire.gateway_finder import ANSWERS, GatewayFinder
from tokenswarm.wire.gateway_signals import NONE, PRESETS
from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.signal_reader import AnswerSaid, SignalReader

GOLDEN = Path(__file__).parent.parent / "golden" / "signals"
ANSWERS_KEPT = sorted(GOLDEN.glob("*.txt"))
COUNTS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")


def said(path: Path) -> AnswerSaid:
    """The answer in a file: a head, a blank line, a body."""
    head, _, body = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    status, *lines = head.split(b"\n")
    headers = dict(line.lower().split(b": ", 1)[:1] + line.split(b": ", 1)[1:] for line in lines)
    kept = KeptAnswer(body)
    usage = [kept.value_at(("usage", name)) for name in COUNTS]
    tokens = [count for count in usage if isinstance(count, int)]
    return AnswerSaid(
        headers=headers,
        is_success=status.split()[1] == b"200",
        response_id=str(kept.value_at(("id",))),
        tokens=sum(tokens) if tokens else None,
        body=kept,
    )


def as_found(path: Path) -> dict[str, object]:
    """What `gateway: auto` makes of an answer that comes again and again."""
    finder, answer = GatewayFinder(), said(path)
    found = [finder.look(answer) for _ in range(ANSWERS)][-1]
    read = SignalReader(PRESETS[found.gateway].rules).read(answer) if found.gateway != NONE else {}
    return {"gateway": found.gateway, "why": found.why, **read}


@pytest.mark.parametrize("path", ANSWERS_KEPT, ids=lambda path: path.stem)
def test_an_answer_says_what_is_written_beside_it(
    path: Path, check_golden: Callable[[Path, str], None]
) -> None:
    """The gateway is found by its marks, and its preset reads the signals."""
    check_golden(path.with_suffix(".json"), json.dumps(as_found(path), indent=1) + "\n")


def test_every_preset_is_found_in_some_answer() -> None:
    """A preset that no answer here shows would be tested by nobody."""
    found = {as_found(path)["gateway"] for path in ANSWERS_KEPT}
    assert found == {*PRESETS, NONE}


def test_every_rule_of_a_preset_that_gives_a_cache_status_applies_to_some_answer() -> None:
    """A hit and a miss of each gateway that has a cache are here, and each rule of theirs decides one."""
    silent = {}
    for gateway, preset in PRESETS.items():
        reader = SignalReader(preset.rules)
        for path in ANSWERS_KEPT:
            if path.stem.startswith(gateway):
                for _ in range(2):  # twice, for the rule about repeated ids
                    reader.read(said(path))
        never = [
            n for n, applied in reader.take_counts().items() if n.startswith("cache") and not applied.matched
        ]
        silent[gateway] = never
    silent["nginx"].remove("cache_layer: header x-cache-status matches ^(STALE|UPDATING|REVALIDATED)$")
    assert {gateway: never for gateway, never in silent.items() if never} == {}


def test_no_golden_file_is_without_its_answer() -> None:
    """An expectation whose answer was renamed or deleted would be checked by nobody."""
    assert {path.stem for path in GOLDEN.glob("*.json")} == {path.stem for path in ANSWERS_KEPT}
