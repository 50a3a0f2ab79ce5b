"""Python that pages show runs as it stands there."""

from __future__ import annotations

import re
import shutil
import textwrap

import pytest

from .pages import PROJECT


def python_of(name: str) -> str:
    """What a page has under a heading about code; what the reader is to fill in does nothing."""
    text = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    _, _, rest = re.split(r"^## (In code|From Python)$", text, maxsplit=1, flags=re.MULTILINE)
    found = re.search(r"```python\n([^`]*)```|^((?: {4}.*\n|\n)+)", rest.lstrip("\n"), re.MULTILINE)
    assert found is not None
    return textwrap.dedent(found[1] or found[2]).replace("…", "sent = 0")


def test_prompts_can_be_drawn_from_python() -> None:
    """docs/prompts.md."""
    names: dict[str, object] = {}
    exec(python_of("prompts.md"), names)
    assert "prompt" in names


@pytest.mark.parametrize("name", ["mock.md", "mock-gateway.md"])
def test_mocks_can_be_run_from_python(name: str) -> None:
    """docs/mock.md, and docs/mock-gateway.md with a Redis."""
    if "with_redis" in python_of(name) and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    exec(python_of(name), {})
