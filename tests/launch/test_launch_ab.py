"""`tokenswarm ab` before it runs anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.launch.ab import AbRequest, run_ab

HERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"a": HERE}, "need both --a and --b"),
        ({"b": HERE}, "need both --a and --b"),
        ({"figures": ("latnecy:p95",)}, "did you mean latency?"),
        ({"profile": "smokey"}, "did you mean smoke?"),
        ({"a": HERE, "b": "no-such-target"}, "no-such-target"),
        ({"a": "ftp://h", "b": HERE}, "--a: need http://HOST"),
        ({"a": HERE, "b": "http://u:hunter2@h"}, "--b: no user or password in a URL"),
        ({"a": HERE, "b": HERE, "model": None}, "--a: no model; name one with --model"),
    ],
)
def test_a_mistake_is_said_before_any_load(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """Whichever side it is on; and no folder is made."""
    given: dict[str, Any] = {
        "profile": "smoke",
        "a": None,
        "b": None,
        "model": "mock",
        "pairs": 2,
        "fleet": None,
        "figures": (),
        "margins": (),
        "time_scale": 1.0,
        "seed": 1,
        "reports": tmp_path / "reports",
    }
    with pytest.raises(ConfigurationError) as caught:
        run_ab(AbRequest(**{**given, **changes}))
    assert said in str(caught.value)
    assert not (tmp_path / "reports").exists()
