"""From a target's `monitor:` section, and what is known of its gateway, to what is to be read."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.monitors.spec import LogSpec, LogValue, PageSpec, PageValue, ProcessSpec, RedisSpec, Spec
from tokenswarm.profile.monitor import OF_REDIS, LogSection, PageSection, RedisSection
from tokenswarm.profile.target import Target
from tokenswarm.wire.gateway_metrics import OF_PROCESS, SECONDS, PageMetric, unit_of

_DEFAULT_UNIT = "ms"  # of a log; a page's metric says its own


def spec_of(target: Target) -> Spec:
    """All monitors of a target; false if it has none."""
    monitor = target.monitor
    process = monitor.process
    return Spec(
        None if process is None else ProcessSpec(process.pid, process.name or ""),
        tuple(_pages(target)),
        tuple(map(_log, monitor.log)),
        None if monitor.redis is None else _redis(monitor.redis),
    )


def _pages(target: Target) -> Iterator[PageSpec]:
    monitor = target.monitor
    taken = {name for page in monitor.prometheus for name in page.values}
    taken.update(name for log in monitor.log for name in log.values)
    if monitor.process is not None:
        taken |= OF_PROCESS.keys()  # what is seen goes before what is told
    for page in monitor.prometheus:
        known = page.known(target.gateway)
        values = {name: tuple(map(_known, places)) for name, places in known.items() if name not in taken}
        taken |= values.keys()
        yield _page(target, page, values)


def _page(target: Target, page: PageSection, values: dict[str, tuple[PageValue, ...]]) -> PageSpec:
    for name, value in page.values.items():
        factor = SECONDS[value.unit or unit_of(value.metric)] if METRICS[name].kind is Kind.TIME else 1.0
        values[name] = (PageValue(value.metric, value.labels, factor),)
    is_own = page.url.startswith("/")
    return PageSpec(
        urljoin(target.url.replace("ws", "http", 1) if target.is_socket else target.url, page.url),
        values,
        tuple(page.values),
        # A page of the target's own is let in by the target's own key, and no other place gets that.
        page.token_env or (target.key_env if is_own else ""),
        target.tls.ca_file,
        target.tls.verify,
    )


def _known(place: PageMetric) -> PageValue:
    return PageValue(place.metric, dict(place.labels), SECONDS.get(place.unit, 1.0))


def _log(log: LogSection) -> LogSpec:
    return LogSpec(
        log.file,
        {
            name: LogValue(
                value.matches,
                SECONDS[value.unit or _DEFAULT_UNIT] if METRICS[name].kind is Kind.TIME else 1.0,
            )
            for name, value in log.values.items()
        },
    )


def _redis(redis: RedisSection) -> RedisSpec:
    return RedisSpec(redis.url, {**OF_REDIS, **redis.values}, tuple(redis.values), redis.password_env or "")
