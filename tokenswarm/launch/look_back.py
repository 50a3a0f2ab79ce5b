"""`tokenswarm trend` and `tokenswarm capacity`: what runs of the past say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import click

from tokenswarm.errors import ConfigurationError, ExitCode
from tokenswarm.profile.values import shown
from tokenswarm.report.capacity import capacity_of
from tokenswarm.report.past_runs import find_runs
from tokenswarm.report.recorded import Recorded
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.schema_number import read_json
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.trend import trend_of
from tokenswarm.report.trend_formats import to_html, to_text
from tokenswarm.report.write import write_text


def show_trend(places: Sequence[Path], output: Path | None) -> ExitCode:
    """Write the page, and say the chief of it."""
    trend = trend_of(find_runs(places))
    file = output or (places[0] if places[0].is_dir() else places[0].parent) / "trend.html"
    click.echo(to_text(trend))
    write_text(file, to_html(trend, file.resolve().parent))
    click.echo(f"trend: {file}")
    return ExitCode.PASS


def show_capacity(run: Path, wanted_rate: float, loaded: int, headroom: float) -> ExitCode:
    """Say how many instances a rate takes."""
    if not 0 < wanted_rate < math.inf:  # NaN is refused, too
        raise ConfigurationError(f"--rate: got {shown(wanted_rate)}, need more than 0 calls/s")
    file = run / "summary.json" if run.is_dir() else run
    is_unreported = run.is_dir() and not file.is_file()
    plain = summarise_run(read_run(run)).to_plain() if is_unreported else _read(file)
    click.echo(capacity_of(plain, str(run), wanted_rate, loaded, headroom).render())
    return ExitCode.PASS


def _read(file: Path) -> dict[str, object]:
    plain = read_json(file)
    Recorded.of(plain, str(file))  # says what is wrong with it, if anything is
    return dict(plain)
