"""Any Locust run's CSV files as a source for thresholds, as exact as they are and no more.

requests, failures, their rates and shares   exact
latency                                      exact average, minimum and maximum; percentiles as bands
users                                        one sample a second, from the history
everything else                              not in a CSV, so no threshold on it can be judged
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tokenswarm.errors import RunFolderError
from tokenswarm.metrics.call import SUCCESS
from tokenswarm.metrics.catalogue import METRICS
from tokenswarm.metrics.gauge import Sample, Samples
from tokenswarm.metrics.measurements import ANY_OUTCOME, Measurements
from tokenswarm.metrics.source import Aggregation, Reading, Selector, Span, StageSpan
from tokenswarm.report.locust_count import AGGREGATED
from tokenswarm.report.locust_row import Band, LocustRow
from tokenswarm.report.locust_tables import (
    read_exceptions,
    read_failures,
    read_history,
    read_stats,
    with_suffix,
)

if TYPE_CHECKING:
    import pandas as pd

# Our own rows say what was sent: "chat short stream", "chat long plain".
_OUR_NAME: Final = re.compile(r"(?P<scenario>\S+) (?P<prompt>short|medium|long) (?P<stream>stream|plain)")
_STREAM: Final = {"stream": "true", "plain": "false"}
_BY_NAME: Final = ("scenario", "prompt", "stream")


@dataclass(frozen=True, slots=True)
class LocustFault:
    """A row of _failures.csv, or an exception of the locustfile's own."""

    where: str
    message: str
    count: int
    first_seen: str = ""
    last_seen: str = ""


class LocustCsv:
    """The files of one prefix. Stages and windows are unknown to them."""

    def __init__(self, prefix: Path) -> None:
        stats = read_stats(prefix)
        rows = [LocustRow.of({str(k): v for k, v in row.items()}) for row in stats.to_dict("records")]
        broken = next((row for row in rows if row.requests and not row.is_whole), None)
        if broken is not None:
            raise RunFolderError(
                f"{with_suffix(prefix, '_stats.csv')}: damaged: the row {broken.name} has requests, and no"
                " number for their average, minimum, maximum or rate, or more failures than requests"
            )
        self.prefix = prefix
        self.whole = next(row for row in rows if row.name == AGGREGATED)
        self.rows = tuple(row for row in rows if row.name != AGGREGATED)
        history = read_history(prefix)
        failures, is_failures_cut = read_failures(prefix)
        exceptions, is_exceptions_cut = read_exceptions(prefix)
        self.history = history.rows if history is not None else None
        self.clock_set_back_s = history.set_back_s if history is not None else 0.0
        self.failures = _failures(failures)
        self.exceptions = _exceptions(exceptions)
        ends = {
            "_stats_history.csv": history is not None and history.is_cut,
            "_failures.csv": is_failures_cut,
            "_exceptions.csv": is_exceptions_cut,
        }
        self.cut = tuple(f"{prefix.name}{suffix}" for suffix, is_cut in ends.items() if is_cut)
        self._users = Measurements()
        self._users.samples = self._user_samples()

    @property
    def stages(self) -> Sequence[StageSpan]:
        """None: the files don't tell stages apart."""
        return ()

    def resolution_s(self) -> None:
        """None: figures of the history add up from the start, and none is of one interval."""

    def read(
        self, metric: str, aggregation: Aggregation, selector: Selector, span: Span | None = None
    ) -> Reading:
        """One figure; absent, with the reason, where the files can't tell."""
        labels = dict(selector.labels)
        if span is not None or "stage" in labels:
            return Reading.absent("Locust's CSV does not tell stages and times apart")
        if metric == "users":
            return self._users.read(metric, aggregation, Selector())
        if metric not in _READERS:
            return Reading.absent(f"Locust's CSV has no {metric}; only a run folder has")
        outcome = labels.pop("outcome", SUCCESS if METRICS[metric].is_success_only else ANY_OUTCOME)
        if outcome not in (SUCCESS, ANY_OUTCOME):
            return Reading.absent("Locust's CSV does not tell classes of failures apart")
        if set(labels) - set(_BY_NAME):
            return Reading.absent(f"Locust's CSV has no label {next(iter(set(labels) - set(_BY_NAME)))}")
        rows = self._matching(labels)
        if not rows:
            wanted = ", ".join(f"{name} {value}" for name, value in labels.items())
            return Reading.absent(f"no row of Locust's says by its name that it is {wanted}")
        return _READERS[metric](metric, aggregation, rows, outcome == ANY_OUTCOME)

    def _matching(self, labels: Mapping[str, str]) -> list[LocustRow]:
        """The rows of these labels; the one of all where nothing is selected."""
        if not labels:
            return [self.whole]
        return [row for row in self.rows if labels.items() <= labels_of(row.name).items()]

    def _user_samples(self) -> Samples:
        if self.history is None or not len(self.history):
            return Samples()
        start = float(self.history["Timestamp"].iloc[0])
        return Samples(
            Sample(float(at) - start, "locust", "users", float(users))
            for at, users in zip(self.history["Timestamp"], self.history["User Count"], strict=True)
        )


def labels_of(name: str) -> dict[str, str]:
    """What the name of a row says; empty for a name that isn't one of ours."""
    match = _OUR_NAME.fullmatch(name)
    if match is None:
        return {}
    return {"scenario": match["scenario"], "prompt": match["prompt"], "stream": _STREAM[match["stream"]]}


def _latency(metric: str, aggregation: Aggregation, rows: Sequence[LocustRow], of_all: bool) -> Reading:
    counts = [row.requests if of_all else row.successes for row in rows]
    samples = sum(counts)
    if aggregation.name == "count":
        return Reading.exact(samples, samples)
    made = [(row, count) for row, count in zip(rows, counts, strict=True) if count]
    if not made:
        return Reading.absent(f"no {metric} of a successful call" if rows[0].requests else "no request ended")
    bands = [_band(row, aggregation, of_all) for row, _ in made]
    band = _joined(aggregation, bands, [count for _, count in made])
    reason = ""
    if not of_all and any(row.failures for row, _ in made) and band.low != band.high:
        failed = sum(row.failures for row, _ in made)
        reason = (
            f"Locust's times hold {failed} failed calls too: this figure of the successful ones lies between"
            f" {band.low:.4g}ms and {band.high:.4g}ms"
        )
    return Reading(band.value / 1000, samples, band.low / 1000, band.high / 1000, reason)


def _band(row: LocustRow, aggregation: Aggregation, of_all: bool) -> Band:
    failed = 0 if of_all else row.failures
    if aggregation.name == "avg":
        return row.average(of_all=of_all)
    if aggregation.name == "min":
        return row.at_rank(1, 1 + failed)
    if aggregation.name == "max":
        return row.at_rank(row.requests - failed, row.requests)
    quantile = aggregation.quantile
    assert quantile is not None, f"{aggregation} is no figure of a time"
    return row.percentile(quantile * 100, of_all=of_all)


def _joined(aggregation: Aggregation, bands: Sequence[Band], counts: Sequence[int]) -> Band:
    """Of several rows together: averages and extremes add up, a percentile lies between those of the rows."""
    if aggregation.name in ("min", "max"):
        pick = min if aggregation.name == "min" else max
        return Band(
            pick(band.value for band in bands), pick(band.low for band in bands), pick(b.high for b in bands)
        )

    def mean(values: Sequence[float]) -> float:
        return sum(v * n for v, n in zip(values, counts, strict=True)) / sum(counts)

    value = mean([band.value for band in bands])
    if aggregation.name == "avg":
        return Band(value, mean([band.low for band in bands]), mean([band.high for band in bands]))
    return Band(value, min(band.low for band in bands), max(band.high for band in bands))


def _count(metric: str, aggregation: Aggregation, rows: Sequence[LocustRow], of_all: bool) -> Reading:
    samples = sum(row.requests for row in rows)
    failures, rate = sum(row.failures for row in rows), sum(row.requests_per_s for row in rows)
    if metric == "failures":
        count, rate = failures if of_all else 0, sum(row.failures_per_s for row in rows) if of_all else 0.0
    else:
        count = samples if of_all else samples - failures
        rate = rate if of_all else rate - sum(row.failures_per_s for row in rows)
    return Reading.exact(count if aggregation.name == "count" else rate, samples)


def _share(metric: str, _aggregation: Aggregation, rows: Sequence[LocustRow], _of_all: bool) -> Reading:
    ended = sum(row.requests for row in rows)
    if not ended:
        return Reading.absent("no request ended")
    failed = sum(row.failures for row in rows) / ended
    if metric == "error_rate":
        return Reading.exact(failed, ended)
    if metric == "success_rate":
        return Reading.exact(1 - failed, ended)
    reason = "" if not failed else "Locust's CSV does not say of what class the failures were"
    if metric == "availability":
        return Reading(1 - failed, ended, 1 - failed, 1.0, reason)
    return Reading(failed, ended, 0.0, failed, reason)


_READERS: Final = {
    "latency": _latency,
    "requests": _count,
    "request_rate": _count,
    "failures": _count,
    "error_rate": _share,
    "success_rate": _share,
    "availability": _share,
    "rate_limited_rate": _share,
}


def _failures(table: pd.DataFrame | None) -> tuple[LocustFault, ...]:
    if table is None:
        return ()
    return tuple(
        LocustFault(
            f"{row['Method']} {row['Name']}".strip(),
            str(row["Error"]),
            int(row["Occurrences"]),
            str(row.get("First Seen", "")),
            str(row.get("Last Seen", "")),
        )
        for row in table.to_dict("records")
    )


def _exceptions(table: pd.DataFrame | None) -> tuple[LocustFault, ...]:
    if table is None:
        return ()
    return tuple(
        LocustFault("locustfile", str(row["Message"]), int(row["Count"])) for row in table.to_dict("records")
    )
