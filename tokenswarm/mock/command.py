"""The command line of the mocks: `tokenswarm mock provider` and `tokenswarm mock gateway`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

_DISTRIBUTION: Final = "A number, lognormal:MEDIAN:SIGMA, lognormal-mean:MEAN:SD or p50:N:p90:N:p99:N."
Command = Callable[..., Any]

_FREE_PORT: Final = click.IntRange(0, 65535)
_LOG: Final = click.Path(dir_okay=False, path_type=Path)
_SECONDS: Final = click.FloatRange(0, 86_400, min_open=True)

_SHARED_OPTIONS: Final = (
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option("--port", type=_FREE_PORT, default=8000, show_default=True, help="0 picks a free one."),
    click.option("--seed", type=int, default=1, show_default=True, help="Of all that is drawn."),
    click.option("--api-key-env", metavar="NAME", help="Want the key that this environment variable holds."),
    click.option(
        "--admin-port",
        type=_FREE_PORT,
        help="Serve on this port of 127.0.0.1 too, even while the other refuses. 0 picks a free one.",
    ),
    click.option(
        "--admin-token-env",
        metavar="NAME",
        help="Let whoever sends the token that this variable holds use /admin, from anywhere.",
    ),
    click.option("--truth-log", type=_LOG, help="Append a JSON line for each call: what really happened."),
    click.option(
        "--stop-with-stdin",
        is_flag=True,
        help="Stop when standard input ends, as it does if the parent dies.",
    ),
)
_ENGINE_OPTIONS: Final = (
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
)
_PROXY_OPTIONS: Final = (
    click.option(
        "--upstream-timeout",
        type=_SECONDS,
        default=30.0,
        show_default=True,
        help="Seconds for an upstream's head, and again for a body that isn't streamed.",
    ),
    click.option("--upstream-key-env", metavar="NAME", help="Send upstreams the key in this variable."),
    click.option(
        "--breaker-failures",
        type=click.IntRange(1),
        default=5,
        show_default=True,
        help="Failures in a row that open an upstream's circuit.",
    ),
    click.option(
        "--breaker-cooldown",
        type=_SECONDS,
        default=10.0,
        show_default=True,
        help="Seconds before an open circuit lets a probe through.",
    ),
    click.option("--l1-ttl", type=_SECONDS, help="Cache equal requests in memory for so many seconds."),
    click.option("--l1-size", type=click.IntRange(1), default=1000, show_default=True, help="Entries of L1."),
    click.option("--l2", is_flag=True, help="Cache requests that are alike, in memory unless --redis."),
    click.option("--redis", metavar="URL", help="Keep L2 in this Redis: redis://HOST:PORT/DB."),
    click.option("--l2-ttl", type=_SECONDS, default=3600.0, show_default=True, help="Seconds."),
    click.option(
        "--l2-size", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Entries of L2."
    ),
    click.option(
        "--l2-similarity",
        type=click.FloatRange(0, 1),
        default=0.85,
        show_default=True,
        help="How alike requests must be: cosine of their character trigrams.",
    ),
    click.option("--hit-ratio", metavar="SHARE", help="Force this share of calls to be L1 hits: 60% or 0.6."),
    click.option("--l2-hit-ratio", metavar="SHARE", help="Force this share of calls to be L2 hits."),
    click.option(
        "--l1-delay", default="0", show_default=True, help="Time of an L1 hit in ms, as --overhead."
    ),
    click.option(
        "--l2-delay", default="0", show_default=True, help="Time of an L2 hit in ms, as --overhead."
    ),
    click.option(
        "--overhead",
        default="0",
        show_default=True,
        help=f"Time in ms that a call through an upstream costs here. {_DISTRIBUTION}",
    ),
    click.option(
        "--overhead-before",
        default="50%",
        show_default=True,
        metavar="SHARE",
        help="Share of the overhead that comes before the upstream is called.",
    ),
    click.option("--rate-limit", metavar="N/s|N/min", help="Calls that each key has; more are answered 429."),
    click.option(
        "--price-input", type=click.FloatRange(0), default=0.0, help="USD for a million input tokens."
    ),
    click.option(
        "--price-output", type=click.FloatRange(0), default=0.0, help="USD for a million output tokens."
    ),
    click.option(
        "--style",
        default="llm-edge-agent",
        show_default=True,
        help="Whose headers to speak: litellm, portkey, nginx … or none.",
    ),
    click.option(
        "--buffer",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Pass streams on in bursts of so many events.",
    ),
    click.option(
        "--first-chunk-delay",
        type=click.FloatRange(0, 60_000),
        default=0.0,
        show_default=True,
        help="Hold a stream's first piece for so many ms.",
    ),
    click.option(
        "--request-log", type=_LOG, help="Append a line of text for each call, with total_latency_ms=."
    ),
)


def _names(options: tuple[Command, ...]) -> set[str]:
    """The parameters that these options make."""

    @click.command()
    @_with(options)
    def empty() -> None: ...

    return {parameter.name or "" for parameter in empty.params}


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
@_with(_SHARED_OPTIONS)
@_with(_ENGINE_OPTIONS)
def provider(**options: Any) -> None:
    """An LLM provider that answers at an exact pace, and fails when told to.

    A call can order its own timing and faults in its model name ("mock;ttft=50;tokens=20;status=429")
    or in x-mock-* headers.
    """
    _serve_engine("provider", options)


@mock.command()
@click.option(
    "--upstream",
    "upstreams",
    multiple=True,
    metavar="URL[=NAME][@MODEL]",
    help="Proxy to this. Repeatable: the first is the primary, the others are for when it fails.",
)
@_with(_SHARED_OPTIONS)
@_with(_ENGINE_OPTIONS)
@_with(_PROXY_OPTIONS)
@click.pass_context
def gateway(context: click.Context, /, upstreams: tuple[str, ...], **options: Any) -> None:
    """An LLM gateway. With --upstream it really proxies; without, the provider is inside it.

    Options for timing and faults of answers go without --upstream, those for caches, failover, limits and
    overhead with it.
    """
    wrong, right = (_ENGINE_OPTIONS, _PROXY_OPTIONS) if upstreams else (_PROXY_OPTIONS, _ENGINE_OPTIONS)
    _check_unused(context, wrong, with_upstream=bool(upstreams))
    chosen = {name: options[name] for name in (*_names(_SHARED_OPTIONS), *_names(right))}
    if not upstreams:
        _serve_engine("gateway", chosen)
        return
    from tokenswarm.mock.proxy.options import GatewayOptions
    from tokenswarm.mock.proxy.server import serve

    serve(GatewayOptions(upstreams=upstreams, **chosen))


def _check_unused(context: click.Context, options: tuple[Command, ...], *, with_upstream: bool) -> None:
    """Options of the other kind of gateway would do nothing, which nobody would notice."""
    names = _names(options)
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in names and context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            why = "goes without --upstream" if with_upstream else "needs --upstream"
            raise click.UsageError(f"{parameter.opts[0]} {why}.")


def _serve_engine(role: str, options: dict[str, Any]) -> None:
    from tokenswarm.mock.options import MockOptions
    from tokenswarm.mock.server import serve

    serve(MockOptions(**options), role)
