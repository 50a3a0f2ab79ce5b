"""An A/B comparison as one HTML page without script: the verdict, a forest plot, the figures, the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2

from tokenswarm.report import forest
from tokenswarm.report.ab import AbResult
from tokenswarm.report.palette import PALETTE

_TEMPLATES: Final = Path(__file__).parent / "templates"
# A finding → the class of page.css that has its colour, and the icon's.
TONES: Final = {
    "regressed": "fail",
    "equivalent": "pass",
    "improved": "pass",
    "inconclusive": "inconclusive",
    "interrupted": "interrupted",
}


def render(result: AbResult) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("ab.html.j2").render(
        result=result, forest=forest.forest_of(result.rows), plot=forest, palette=PALETTE, tones=TONES
    )
