"""The summary as one HTML page that needs no network: style, charts and script are inside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import jinja2
import yaml
from markupsafe import Markup

from tokenswarm.report import figures
from tokenswarm.report.action_row import PHASES_MEAN
from tokenswarm.report.answers import GROUPS
from tokenswarm.report.cache import ARMS
from tokenswarm.report.chart import SIZE, Chart, script_data
from tokenswarm.report.climb_chart import climb_chart, load_chart
from tokenswarm.report.environment import facts_of
from tokenswarm.report.grouping import tables_of_spreads, threshold_groups
from tokenswarm.report.leads import leads_of, other_reasons, since_when
from tokenswarm.report.overhead import PARTS
from tokenswarm.report.pages import new_environment
from tokenswarm.report.palette import PALETTE
from tokenswarm.report.spectrum_charts import spectrum_charts
from tokenswarm.report.summary import Summary
from tokenswarm.report.time_charts import MOST_NAMED_MARKS, time_charts

# What readers ask, in the order in which they ask it; each has a partial in templates/sections/.
SECTIONS: Final = (
    "verdict",
    "trust",
    "thresholds",
    "timeline",
    "spectra",
    "load",
    "overhead",
    "cache",
    "answers",
    "failover",
    "errors",
    "spreads",
    "stages",
    "drift",
    "expected",
    "totals",
    "comparison",
    "setup",
)
# What could end a script element or begin a comment in it, whatever strings the data hold.
_UNSAFE_IN_SCRIPT: Final = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
# The state of a compared figure → the class and the icon that have its colour.
COMPARED_TONES: Final = {"regressed": "fail", "unknown": "inconclusive", "holds": "pass"}
_MOST_LEADS: Final = 3  # beside the verdict; all lines stand under Thresholds
_HEADING: Final = re.compile(r'<h2 id="(\w+)-title">(.*?)(?: <span.*?)?</h2>')


class Heading(NamedTuple):
    """A section of the page, and its title in HTML."""

    name: str
    title: Markup


def render(summary: Summary) -> str:
    """The whole page."""
    timeline = time_charts(summary.timeline, summary.stages) if summary.timeline is not None else []
    spectra = spectrum_charts(summary.spectra)
    load = list(_load_charts(summary))
    charts = [*timeline, *spectra, *load]
    groups = threshold_groups(summary.thresholds)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            sections=SECTIONS,
            groups=groups,
            # Lines of one metric have one set of hints: it stands beside the first of them.
            hinted={row.hints: row for group in reversed(groups) for row in reversed(group.rows)},
            tables=tables_of_spreads(summary.spreads),
            parts_of_calls=PARTS,
            palette=PALETTE,
            origin_groups=GROUPS,
            cache_arms=ARMS,
            phases_mean=PHASES_MEAN,
            leads=leads_of(summary),
            other_reasons=other_reasons(summary),
            most_leads=_MOST_LEADS,
            since_when=since_when,
            timeline=timeline,
            most_named_marks=MOST_NAMED_MARKS,
            spectra=spectra,
            load=load,
            environment=facts_of(summary.environment),
            compared_tones=COMPARED_TONES,
            chart_size=SIZE,
            chart_data=script_data(charts),
        )
    )


def _load_charts(summary: Summary) -> Iterator[Chart]:
    if summary.breakpoint is not None:
        yield climb_chart(summary.breakpoint)
    elif summary.load_curve is not None:
        yield load_chart(summary.load_curve)


@cache
def _environment() -> jinja2.Environment:
    environment = new_environment()
    environment.filters.update(
        whole=figures.whole,
        time_ms=figures.time_ms,
        micro_ms=figures.micro_ms,
        rate=figures.rate,
        plain_rate=figures.plain_rate,
        usd=figures.usd,
        share=figures.share,
        since_start=figures.since_start,
        lasted=figures.lasted,
        as_yaml=_as_yaml,
        in_script=_in_script,
        headings=_headings,
    )
    return environment


def _headings(page: Markup) -> list[Heading]:
    """The sections of a page with their titles; what is small print of a title is left out."""
    return [Heading(name, Markup(title)) for name, title in _HEADING.findall(page)]  # noqa: S704 - it is ours


def _in_script(value: Any) -> Markup:
    """JSON that can stand in a script element, whatever is in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _UNSAFE_IN_SCRIPT.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - every character that HTML could take for markup is escaped


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100))
