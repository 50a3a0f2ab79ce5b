"""What was measured since the last time, in InfluxDB's line protocol. Pure: deltas in, lines out.

    tokenswarm,run=…,stage=hold,prompt=short,stream=true,… calls=120i,latency_count=120i,latency_p95=0.21 TIME
    tokenswarm_run,run=…            users, ws_open, elapsed
    tokenswarm_threshold,run=…,line=ttft: p(95) < 200ms    state (STATE_NUMBERS), value, limit
    tokenswarm_generator,run=…,worker=worker-1             cores, calls, lost
    tokenswarm_target,run=…,monitor=process litellm       target_memory, target_cpu … as last read

Times are seconds. Counts add up over all points; percentiles are of the calls that ended between two points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.series import Delta, Labels, Series
from tokenswarm.metrics.standing import STATE_NUMBERS, MonitorStanding, Standing

# All of them: points with the same tags and time replace each other.
_TAGS: Final = tuple(name for name in Labels._fields if name != "scenario")
_QUANTILES: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
_ESCAPED: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})


class InfluxLines:
    """Adds up what comes between two points."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, Labels], Series] = {}
        self._grown: dict[tuple[str, str], float] = {}  # by monitor and counter, at the last points

    def absorb(self, delta: Delta) -> None:
        """Add what was measured; nothing of the delta is kept."""
        for key, series in delta.series.items():
            labels = key.labels._replace(scenario="")
            self._since.setdefault((key.stage, labels), Series()).merge(series)

    def take(self, standing: Standing, at_ns: int) -> list[str]:
        """The points since the last time, of Unix time `at_ns`."""
        since, self._since = self._since, {}
        common = {"run": standing.run, "profile": standing.profile, "target": standing.target}
        lines = [
            _line("tokenswarm", {**common, "stage": stage, **_tags_of(labels)}, _fields_of(series), at_ns)
            for (stage, labels), series in since.items()
        ]
        lines += [_line(name, {**common, **tags}, fields, at_ns) for name, tags, fields in _of_run(standing)]
        for monitor in standing.monitors:
            tags = {**common, "monitor": monitor.name}
            lines.append(_line("tokenswarm_target", tags, self._of_monitor(monitor), at_ns))
        return [line for line in lines if line]

    def _of_monitor(self, monitor: MonitorStanding) -> dict[str, float | int]:
        """Counters by what they grew: that adds up, as our own do."""
        if monitor.problem:
            return {}
        fields: dict[str, float | int] = {name: float(value) for name, value in monitor.gauges.items()}
        for name, value in monitor.counters.items():
            key = (monitor.name, name)
            fields[name] = float(value - self._grown.get(key, 0.0))
            self._grown[key] = value
        return fields


def _of_run(standing: Standing) -> Iterator[tuple[str, dict[str, str], dict[str, float | int]]]:
    yield (
        "tokenswarm_run",
        {},
        {"users": standing.users, "ws_open": standing.sockets, "elapsed": standing.elapsed_s},
    )
    for result in standing.thresholds:
        fields: dict[str, float | int] = {
            "state": STATE_NUMBERS[result.status],
            "limit": float(result.limit),
        }
        if result.value is not None:
            fields["value"] = float(result.value)
        tags = {"line": result.threshold.text, "metric": result.threshold.subject.metric}
        yield "tokenswarm_threshold", tags, fields
    for worker in standing.workers:
        fields = {"calls": worker.calls, "lost": int(worker.is_lost)}
        if worker.cores is not None:
            fields["cores"] = float(worker.cores)
        yield "tokenswarm_generator", {"worker": worker.name}, fields


def _fields_of(series: Series) -> dict[str, float | int]:
    fields: dict[str, float | int] = {}
    for name, count in series.counts.items():
        if name == "calls":
            fields[name] = int(count)
        elif name in METRICS and METRICS[name].kind is Kind.COUNTER:
            fields[name] = float(count)  # costs are no whole numbers, and a field keeps its type
    for name, histogram in series.values.items():
        fields[f"{name}_count"] = histogram.count
        fields[f"{name}_sum"] = float(histogram.total)
        for quantile, suffix in _QUANTILES:
            value = histogram.quantile(quantile)
            if value is not None:
                fields[f"{name}_{suffix}"] = float(value)
    return fields


def _tags_of(labels: Labels) -> dict[str, str]:
    return {name: getattr(labels, name) for name in _TAGS}


def _line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, float | int], at_ns: int) -> str:
    """One point; "" without fields, which is none."""
    # There is no way to write NaN and infinities.
    said = [
        f"{name}={value}i" if isinstance(value, int) else f"{name}={value!r}"
        for name, value in fields.items()
        if math.isfinite(value)
    ]
    if not said:
        return ""
    # An empty tag is an error to InfluxDB.
    kept = [f"{name}={word}" for name, value in tags.items() if (word := _word(value))]
    return f"{','.join([measurement, *kept])} {','.join(said)} {at_ns}"


def _word(value: str) -> str:
    """A tag's value. A line break ends the point, half a surrogate can't be sent, and a backslash at the end
    would escape what follows."""
    if not value.isprintable():
        value = "".join(letter if letter.isprintable() else " " for letter in value)
    return value.rstrip("\\").translate(_ESCAPED)
