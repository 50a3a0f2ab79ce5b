"""Rows of a summary in the order and the groups in which people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.report.summary import Spread, ThresholdRow

# status → heading, the gravest first
_STATUSES: Final = (
    ("fail", "Critical"),
    ("inconclusive", "Inconclusive"),
    ("warn", "Warning"),
    ("pass", "Good"),
    ("not_measured", "Not measured"),
)
# Times that have a table by groups of calls; the others stand in one table together.
_BY_GROUP: Final = (("latency", "Latency"), ("ttft", "Time to first token"))
_GROUPS: Final = {
    "all": "All",
    "prompt": "By prompt size",
    "streaming": "By streaming",
    "stage": "By stage",
    "row": "By request name",
}


@dataclass(frozen=True, slots=True)
class ThresholdGroup:
    """Lines of one status."""

    status: str
    title: str
    rows: tuple[ThresholdRow, ...]


@dataclass(frozen=True, slots=True)
class SpreadGroup:
    """Rows of one table that are to be compared."""

    title: str
    rows: tuple[Spread, ...]


@dataclass(frozen=True, slots=True)
class SpreadTable:
    """One metric by groups of calls, or many metrics of all calls."""

    metric: str
    title: str
    definition: str
    groups: tuple[SpreadGroup, ...]


def threshold_groups(rows: Iterable[ThresholdRow]) -> list[ThresholdGroup]:
    """Groups that have rows, the gravest first; within one, the profile's order."""
    rows = tuple(rows)
    groups = [
        ThresholdGroup(status, title, tuple(row for row in rows if row.status == status))
        for status, title in _STATUSES
    ]
    return [group for group in groups if group.rows]


def tables_of_spreads(spreads: Sequence[Spread]) -> list[SpreadTable]:
    """Latency and first token by group of calls, if measured."""
    tables = []
    for metric, title in _BY_GROUP:
        groups = [
            SpreadGroup(heading, tuple(s for s in spreads if s.metric == metric and s.group == group))
            for group, heading in _GROUPS.items()
        ]
        groups = [group for group in groups if group.rows]
        if groups:
            tables.append(SpreadTable(metric, title, METRICS[metric].definition, tuple(groups)))
    return tables
