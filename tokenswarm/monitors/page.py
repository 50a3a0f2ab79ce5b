"""A Prometheus endpoint of the target, scraped again and again."""

from __future__ import annotations

import math
import os
import ssl
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from tokenswarm.metrics.catalogue import METRICS, Kind
from tokenswarm.monitors.exposition import Family, LabelSet, Page, parse_page
from tokenswarm.monitors.growth import increase, matching, spread_between
from tokenswarm.monitors.reader import Counting, Found, MonitorError, Point, Times
from tokenswarm.monitors.spec import PageSpec, PageValue

TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 32_000_000
_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_ACCEPT: Final = "text/plain;version=0.0.4;q=1,*/*;q=0.1"


class PageReader:
    """Reads the figures that a spec names from the page."""

    def __init__(self, spec: PageSpec) -> None:
        self.label = spec.label
        self._spec = spec
        self._fetch = Fetcher(spec)
        self._names = {value.metric for values in spec.values.values() for value in values}
        self._before: dict[str, Family] = {}
        self._counting = Counting()
        self._seen: set[str] = set()

    def read(self) -> Found:
        """Scrape once."""
        page = parse_page(self._fetch.get(), self._names)
        at_s, found = time.monotonic(), Found()
        if page.bad_lines:
            found.notes.append(f"{page.bad_lines} lines of the page make no sense")
        if page.is_cut:
            found.notes.append("the page has too many series: some were left out")
        for name, places in self._spec.values.items():
            self._take(name, places, page, at_s, found)
        self._counting.done(at_s)
        return found

    def unseen(self) -> tuple[str, ...]:
        return tuple(
            f"{name} ({self._spec.values[name][0].metric})"
            for name in self._spec.wanted
            if name not in self._seen
        )

    def close(self) -> None:
        self._fetch.close()

    def _take(self, name: str, places: tuple[PageValue, ...], page: Page, at_s: float, found: Found) -> None:
        for place in places:
            family = page.get(place.metric)
            if family is None or not _is_there(family, place, METRICS[name].kind):
                continue
            problem = _TAKERS[METRICS[name].kind](self, name, place, family, at_s, found)
            if problem:
                found.notes.append(f"{name}: {place.metric} is of type {family.kind}, {problem}")
            else:
                self._seen.add(name)
                self._before[name] = family
            return

    def _series(self, family: Family | None, place: PageValue) -> Mapping[LabelSet, float]:
        """A counter's or gauge's own series; of a histogram or summary, how many values it had."""
        if family is None:
            return {}
        return matching(family.samples.get("") or family.samples.get("_count") or {}, place.labels)

    def _take_counter(self, name: str, place: PageValue, family: Family, at_s: float, found: Found) -> str:
        before, is_first = self._before.get(name), self._counting.is_first
        found.points += self._counting.begin(name, at_s)
        if before is not None or not is_first:
            grown = increase(self._series(before, place), self._series(family, place))
            found.points.append(Point(at_s, name, grown))
        return ""

    def _take_gauge(self, name: str, place: PageValue, family: Family, at_s: float, found: Found) -> str:
        if family.kind in ("histogram", "summary"):
            return "and a gauge needs a single value"
        if family.kind != "counter":
            value = sum(self._series(family, place).values())
            if math.isfinite(value):
                found.points.append(Point(at_s, name, value))
            return ""
        # The gauge of a counter is how fast it grows: CPU seconds per second are cores.
        before, last_at_s = self._before.get(name), self._counting.last_at_s
        if before is not None and last_at_s is not None and at_s > last_at_s:
            grown = increase(self._series(before, place), self._series(family, place))
            found.points.append(Point(at_s, name, grown / (at_s - last_at_s)))
        return ""

    def _take_time(self, name: str, place: PageValue, family: Family, at_s: float, found: Found) -> str:
        if "_bucket" not in family.samples:
            return "and a time needs a histogram"
        if not self._counting.is_first:
            spread = spread_between(self._before.get(name), family, place.labels, place.factor)
            if spread.count:
                middle_s = self._counting.middle_s(at_s)
                found.times.append(Times(middle_s, name, spread.values, spread.total))
        return ""


def _is_there(family: Family, place: PageValue, kind: Kind) -> bool:
    # A counter that is declared and has no such series yet stands at 0: nothing has hit the cache so far.
    is_zero = kind is Kind.COUNTER and family.kind == "counter"
    return is_zero or any(matching(series, place.labels) for series in family.samples.values())


_TAKERS: Final = {
    Kind.COUNTER: PageReader._take_counter,
    Kind.GAUGE: PageReader._take_gauge,
    Kind.TIME: PageReader._take_time,
}


class Fetcher:
    """One kept connection to one page."""

    def __init__(self, spec: PageSpec) -> None:
        self._url = spec.url
        self._spec = spec
        self._connection: HTTPConnection | None = None

    def get(self) -> bytes:
        """The page's body; MonitorError if there is none."""
        for _ in range(_MOST_REDIRECTS):
            parts = urlsplit(self._url)
            answer = self._ask(parts)
            body = answer.read(_MOST_BYTES + 1)
            if answer.status not in _REDIRECTS:
                break
            self._follow(parts, answer.headers.get("location", ""))
        if len(body) > _MOST_BYTES:
            self.close()
            raise MonitorError(f"the page has more than {_MOST_BYTES:,} bytes")
        if answer.status in (401, 403):
            mend = f"is {self._spec.token_env} right?" if self._spec.token_env else "name a token_env"
            raise MonitorError(f"HTTP {answer.status}: {mend}")
        if answer.status != 200:
            raise MonitorError(f"HTTP {answer.status}")
        return body

    def _ask(self, parts: SplitResult) -> HTTPResponse:
        headers = {"accept": _ACCEPT, "user-agent": "tokenswarm-monitor"}
        token = os.environ.get(self._spec.token_env) if self._spec.token_env else None
        if token:
            headers["authorization"] = f"Bearer {token}"
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        # A connection that was kept may have been closed meanwhile: that is no failure of the page.
        is_kept = self._connection is not None
        while True:
            connection = self._connection = self._connection or self._connect(parts)
            try:
                connection.request("GET", path, headers=headers)
                return connection.getresponse()
            except (OSError, HTTPException, ValueError) as error:
                self.close()
                if not is_kept:
                    raise MonitorError(_why(error)) from None
                is_kept = False

    def _connect(self, parts: SplitResult) -> HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme != "https":
            return HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        try:
            context = ssl.create_default_context(cafile=self._spec.ca_file)
        except OSError as error:
            raise MonitorError(f"{self._spec.ca_file}: {_why(error)}") from None
        if not self._spec.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=context)

    def _follow(self, parts: SplitResult, location: str) -> None:
        target = urlsplit(urljoin(self._url, location))
        if (target.scheme, target.netloc) != (parts.scheme, parts.netloc):
            # The token is for this one alone.
            raise MonitorError(f"redirected to {target.scheme}://{target.netloc}: name that address itself")
        self._url = target.geturl()

    def close(self) -> None:
        """The next page is asked for on a new connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
