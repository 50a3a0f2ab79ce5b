"""Times over all percentiles, as charts with one axis of nines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from tokenswarm.report.chart import Axis, Chart, Curve
from tokenswarm.report.spectra import PERCENTILES, SPECTRA, Spectrum
from tokenswarm.report.ticks import Tick

_TITLES: Final[Mapping[str, str]] = {
    "ttft": "Time to first token",
    "icl": "Inter-chunk latency",
    "latency": "Latency",
}
_COLOURS: Final[Mapping[str, str]] = {
    "all calls": "ink",
    "short prompts": "blue",
    "medium prompts": "amber",
    "long prompts": "plum",
    "from a cache": "teal",
    "straight to the provider": "olive",
}
# A scale of nines: the tail, which users feel, has as much room as all the rest.
_PLACES: Final = tuple(2 - math.log10(100 - percentile) for percentile in PERCENTILES)
_TICKS: Final = tuple(
    Tick(place, f"{percentile:g}")
    for place, percentile in zip(_PLACES, PERCENTILES, strict=True)
    if percentile in (0, 50, 75, 90, 95, 99, 99.9, 99.99)
)


def spectrum_charts(spectra: Sequence[Spectrum]) -> list[Chart]:
    """A chart for each time that was measured."""
    words = tuple(f"p{percentile:g}" for percentile in PERCENTILES)
    axis = Axis("percentiles", _PLACES[0], _PLACES[-1], _PLACES, _TICKS, words)
    return [
        Chart(
            f"spectrum-{metric}",
            f"{_TITLES[metric]} by percentile",
            "ms",
            axis,
            [_curve(spectrum) for spectrum in found],
            height=210,
            is_marked=False,
        )
        for metric in SPECTRA
        if (found := [spectrum for spectrum in spectra if spectrum.metric == metric])
    ]


def _curve(spectrum: Spectrum) -> Curve:
    beyond = (None,) * (len(PERCENTILES) - len(spectrum.values_ms))
    return Curve(
        spectrum.name,
        _COLOURS[spectrum.name],
        (*spectrum.values_ms, *beyond),
        is_dashed=spectrum.name.startswith("straight"),
    )
