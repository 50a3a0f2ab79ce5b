"""How much worse a figure may get before a comparison calls it a regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenswarm.errors import ConfigurationError
from tokenswarm.report.figure_key import ALL, OF_TIMES, FigureKey
from tokenswarm.report.percent import parse_percent

# A figure's name alone stands for these times.
JUDGED_TIMES: Final = ("latency", "ttft")
# Only where calls began by the clock does it say more than latency.
_OF_OPEN_LOAD: Final = "effective_latency"
DEFAULTS: Final[Mapping[str, float]] = {"p99": 0.20, "p95": 0.25, "success_rate": 0.02}
_OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class Limits:
    """`of_figures` are by figure of the judged times, `of_keys` by whole key; the latter win."""

    of_figures: Mapping[str, float]
    of_keys: Mapping[FigureKey, float | None]  # None: not judged
    asked: frozenset[str]  # what the user named himself

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Limits:
        """`p99=20%`, `latency:p99=20%`, `success_rate=2%` or `p95=off`, over DEFAULTS; ConfigurationError."""
        of_figures: dict[str, float] = {}
        of_keys: dict[FigureKey, float | None] = {}
        given = [text.partition("=")[::2] for text in texts]
        for name, value in [*((name, f"{share * 100:g}%") for name, share in DEFAULTS.items()), *given]:
            share = None if value.strip() == _OFF else parse_percent(f"--limit {name}", value)
            if name not in OF_TIMES:
                of_keys[_judgeable(name)] = share
            elif share is None:
                of_figures.pop(name, None)
            else:
                of_figures[name] = share
        return cls(of_figures, of_keys, frozenset(name for name, value in given if value.strip() != _OFF))

    def of(self, key: FigureKey, *, is_open: bool) -> float | None:
        """The limit of this figure; None if it isn't judged."""
        if key in self.of_keys:
            return self.of_keys[key]
        times = (*JUDGED_TIMES, _OF_OPEN_LOAD) if is_open else JUDGED_TIMES
        return self.of_figures.get(key.figure) if key.metric in times and key.group == ALL else None

    def is_asked(self, key: FigureKey) -> bool:
        """Whether the user wants this very figure judged: then it is no pass if it can't be."""
        return str(key) in self.asked

    @property
    def named(self) -> tuple[FigureKey, ...]:
        """Figures that have a limit of their own."""
        return tuple(key for key, share in self.of_keys.items() if share is not None)


def _judgeable(name: str) -> FigureKey:
    key = FigureKey.parse(name)
    if not key.worse:
        raise ConfigurationError(
            f"--limit {name}: neither more nor less of it is worse; choose another figure"
        )
    return key
