"""Names of single figures, as options and comparisons have them: `latency:p95`, `success_rate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.metrics.suggestion import not_one_of

# How a time is summed up, and the key that holds it in a spread of summary.json.
OF_TIMES: Final = {
    "avg": "avg_ms",
    "min": "min_ms",
    "p50": "p50_ms",
    "p90": "p90_ms",
    "p95": "p95_ms",
    "p99": "p99_ms",
    "max": "max_ms",
}
# Below so many calls a percentile is no more than the largest of them.
FEWEST_CALLS: Final = {"p90": 10, "p95": 20, "p99": 100}
ALL: Final = "all"

_HIGHER_IS_BETTER: Final = frozenset(
    {
        "success_rate",
        "availability",
        "goodput",
        "request_rate",
        "output_tokens_rate",
        "input_tokens_rate",
        "ws_messages_rate",
        "cache_hit_rate",
        "prompt_cache_rate",
        "rate_limit_headroom",
        "compressed_rate",
        "compression_ratio",
    }
)
_LOWER_IS_BETTER: Final = frozenset(
    {
        "failures",
        "failures_per_s",
        "error_rate",
        "rate_limited_rate",
        "dropped_starts",
        "dropped_rate",
        "late_starts",
        "late_rate",
        "reconnects",
        "ws_drops",
        "fallback_rate",
        "cost_per_request",
    }
)


@dataclass(frozen=True, slots=True)
class FigureKey:
    """Which figure: `figure` is one of OF_TIMES, and empty for a metric that is one figure by itself.

    `group` and `name` are those of a spread: all calls, or those of one prompt size, stage and so on.
    """

    metric: str
    figure: str = ""
    group: str = ALL
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`METRIC:FIGURE` of a time, else `METRIC`; ConfigurationError with what is allowed."""
        metric, _, figure = text.strip().partition(":")
        if metric not in METRICS:
            raise ConfigurationError(f"metric {text}: {not_one_of(metric, METRICS)}")
        if METRICS[metric].kind is Kind.TIME:
            if figure not in OF_TIMES:
                example = f"{metric}:p95"
                raise ConfigurationError(
                    f"metric {text}: {not_one_of(figure or 'no figure', OF_TIMES)}, such as {example}"
                )
        elif figure:
            raise ConfigurationError(f"metric {text}: {metric} is one figure; write {metric}")
        return cls(metric, figure)

    def __str__(self) -> str:
        figure = f":{self.figure}" if self.figure else ""
        return f"{self.metric}{figure}" + (f" {self.name}" if self.group != ALL else "")

    @property
    def is_time(self) -> bool:
        """Whether its values are milliseconds."""
        return bool(self.figure)

    @property
    def is_share(self) -> bool:
        """Whether its values are shares from 0 to 1."""
        return self.metric in METRICS and METRICS[self.metric].kind is Kind.SHARE

    @property
    def worse(self) -> int:
        """1 if more of it is worse, -1 if less is, 0 if it is neither good nor bad."""
        if self.is_time or self.metric in _LOWER_IS_BETTER:
            return 1
        return -1 if self.metric in _HIGHER_IS_BETTER else 0
