"""Options that several verbs have, each said in the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
baseline = click.option(
    "--baseline",
    metavar="RUN",
    type=Path,
    help="Show in the report how it compares with this earlier run; the verdict is not touched.",
)
time_scale = click.option(
    "--time-scale", type=float, default=1.0, show_default=True, help="Multiplies every duration."
)
own_target = click.option(
    "--target", metavar="NAME|URL", help="Where to aim; without it, an embedded mock gateway."
)
own_slo = click.option("--slo", metavar="NAME", help="Judge by this SLO instead of the profile's own.")
prometheus_port = click.option(
    "--prometheus-port", type=click.IntRange(1, 65535), help="Serve figures for Prometheus while it runs."
)
prometheus_host = click.option(
    "--prometheus-host", metavar="ADDRESS", help="Of that port; loopback by default."
)
influx = click.option(
    "--influx", metavar="URL", help="Send figures to InfluxDB: http://HOST:8086/write?db=NAME, or v2's."
)


def reports(what: str) -> Option:
    """`--reports FOLDER`."""
    return click.option("--reports", type=FOLDER, default=Path("reports"), show_default=True, help=what)


def seed(what: str) -> Option:
    """`--seed N`."""
    return click.option("--seed", type=int, default=1, show_default=True, help=what)
