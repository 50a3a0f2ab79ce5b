"""An A/B comparison as one HTML page without script: the verdict, a forest plot, the figures, the runs."""

from __future__ import annotations

from typing import Final

from tokenswarm.report import forest
from tokenswarm.report.ab import AbResult
from tokenswarm.report.environment import facts_of
from tokenswarm.report.pages import new_environment
from tokenswarm.report.palette import PALETTE

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
    return (
        new_environment()
        .get_template("ab.html.j2")
        .render(
            result=result,
            environment=facts_of(result.environment),
            forest=forest.forest_of(result.rows),
            plot=forest,
            palette=PALETTE,
            tones=TONES,
        )
    )
