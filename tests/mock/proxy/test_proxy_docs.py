"""docs/mock-gateway.md names all there is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.proxy.styles import STYLES

TEXT = (Path(__file__).parents[3] / "docs" / "mock-gateway.md").read_text(encoding="utf-8")


def test_every_option_is_documented() -> None:
    """By its name on the command line."""
    names = [GatewayOptions.plural.get(field.name, field.name) for field in fields(GatewayOptions)]
    flags = [f"`--{name.replace('_', '-')}" for name in names]
    assert [flag for flag in flags if flag not in TEXT] == []


def test_every_style_is_documented() -> None:
    """By its name."""
    assert [style for style in STYLES if f"`{style}`" not in TEXT] == []
