"""The summary as one HTML page that needs no network: style, charts and Bokeh itself are inside."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import bokeh
import jinja2
import yaml
from markupsafe import Markup

from tokenswarm.report import figures
from tokenswarm.report.answers import GROUPS
from tokenswarm.report.charts import STAGE_LABEL, chart_item
from tokenswarm.report.climb_chart import climb_item
from tokenswarm.report.grouping import tables_of_spreads, threshold_groups
from tokenswarm.report.overhead import PARTS
from tokenswarm.report.palette import PALETTE
from tokenswarm.report.summary import Summary

_TEMPLATES: Final = Path(__file__).parent / "templates"
# What readers ask, in the order in which they ask it; each has a partial in templates/sections/.
SECTIONS: Final = (
    "verdict",
    "trust",
    "thresholds",
    "timeline",
    "breakpoint",
    "overhead",
    "answers",
    "failover",
    "errors",
    "spreads",
    "stages",
    "drift",
    "expected",
    "totals",
    "setup",
)
_BOKEH_JS: Final = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
# What could end a script element or begin a comment in it, whatever strings the data hold.
_UNSAFE_IN_SCRIPT: Final = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def render(summary: Summary) -> str:
    """The whole page."""
    charts = climb = None
    if summary.timeline is not None:
        charts = chart_item(summary.timeline, summary.stages)
        climb = climb_item(summary.breakpoint) if summary.breakpoint is not None else None
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            sections=SECTIONS,
            groups=threshold_groups(summary.thresholds),
            tables=tables_of_spreads(summary.spreads),
            parts_of_calls=PARTS,
            palette=PALETTE,
            origin_groups=GROUPS,
            shades={shade.light: shade.dark for shade in PALETTE.values()},
            charts=charts,
            climb=climb,
            stage_label=STAGE_LABEL,
            bokeh_js=_bokeh_js() if charts is not None else "",
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        whole=figures.whole,
        time_ms=figures.time_ms,
        rate=figures.rate,
        usd=figures.usd,
        share=figures.share,
        since_start=figures.since_start,
        lasted=figures.lasted,
        as_yaml=_as_yaml,
        in_script=_in_script,
    )
    return environment


@cache
def _bokeh_js() -> Markup:
    """Bokeh's core; the file comes from the installed package and is trusted as that is."""
    code = _BOKEH_JS.read_text(encoding="utf-8")
    if "</script" in code.lower():
        raise ValueError("bokeh.min.js can't stand in a script element: it holds its end tag")
    return Markup(code)  # noqa: S704 - not the target's text, but a package's


def _in_script(value: Any) -> Markup:
    """JSON that can stand in a script element, whatever is in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _UNSAFE_IN_SCRIPT.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - every character that HTML could take for markup is escaped


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100))
