"""The command line of the mocks: `tokenswarm mock provider` and `tokenswarm mock gateway`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

_DISTRIBUTION: Final = "A number, lognormal:MEDIAN:SIGMA, lognormal-mean:MEAN:SD or p50:N:p90:N:p99:N."
Command = Callable[..., Any]

_PROVIDER_OPTIONS: Final = (
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 picks a free one."
    ),
    click.option(
        "--seed", type=int, default=1, show_default=True, help="Of all that is drawn: timings and errors."
    ),
    click.option(
        "--ttft", default="50", show_default=True, help=f"Time to first token in ms. {_DISTRIBUTION}"
    ),
    click.option(
        "--itl",
        default="5",
        show_default=True,
        help="Time for each further token in ms, written like --ttft.",
    ),
    click.option("--tokens", default="20", show_default=True, help="Output tokens, written like --ttft."),
    click.option("--status", type=int, help="Answer every call with this error status."),
    click.option("--error-rate", metavar="SHARE", help="Share of calls that fail: 5% or 0.05."),
    click.option(
        "--error-status", type=int, default=500, show_default=True, help="What --error-rate fails with."
    ),
    click.option(
        "--order",
        "orders",
        multiple=True,
        metavar="KEY=VALUE",
        help="A default for any other order of docs/mock.md, e.g. gzip=1. Repeatable.",
    ),
    click.option("--api-key-env", metavar="NAME", help="Want the key that this environment variable holds."),
    click.option(
        "--admin-port",
        type=click.IntRange(0, 65535),
        help="Serve on this port of 127.0.0.1 too, even while the other refuses. 0 picks a free one.",
    ),
    click.option(
        "--admin-token-env",
        metavar="NAME",
        help="Let whoever sends the token that this variable holds use /admin, from anywhere.",
    ),
    click.option(
        "--truth-log",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Append a JSON line for each call: when each chunk was really written.",
    ),
    click.option(
        "--stop-with-stdin",
        is_flag=True,
        help="Stop when standard input ends, as it does if the parent dies.",
    ),
)


def _with(options: tuple[Command, ...]) -> Command:
    def add(function: Command) -> Command:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@click.group()
def mock() -> None:
    """Servers with known timing, to test against and to measure ourselves with."""


@mock.command()
@_with(_PROVIDER_OPTIONS)
def provider(**options: Any) -> None:
    """An LLM provider that answers at an exact pace, and fails when told to.

    A call can order its own timing and faults in its model name ("mock;ttft=50;tokens=20;status=429")
    or in x-mock-* headers.
    """
    _serve_engine("provider", options)


@mock.command()
@_with(_PROVIDER_OPTIONS)
def gateway(**options: Any) -> None:
    """An LLM gateway in one process, with the provider inside it: the same engine as `mock provider`."""
    _serve_engine("gateway", options)


def _serve_engine(role: str, options: dict[str, Any]) -> None:
    from tokenswarm.mock.options import MockOptions
    from tokenswarm.mock.server import serve

    serve(MockOptions(**options), role)
