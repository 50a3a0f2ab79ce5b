"""Jinja for our HTML pages: everything is escaped, and a name that isn't there is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2

from tokenswarm.report.figures import moment

_TEMPLATES: Final = Path(__file__).parent / "templates"


def new_environment() -> jinja2.Environment:
    """One of its own for each kind of page: they add filters of different kinds."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    return environment
