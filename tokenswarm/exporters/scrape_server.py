"""The page that Prometheus scrapes, on the node that the test is run from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import gevent
import gevent.socket
from gevent.event import Event
from gevent.pywsgi import WSGIServer

from tokenswarm.exporters.prometheus import CONTENT_TYPE, exposition
from tokenswarm.exporters.scrape_address import ScrapeAddress
from tokenswarm.metrics.standing import ENDED, Standing

# Two servers that scrape us, or a reload in a browser, must not cost the load a render each.
_FRESH_S: Final = 0.5
_LONGEST_LINGER_S: Final = 20.0


class ScrapeServer:
    """Answers GET /metrics with how the run stands; nothing else is there, and nothing can be changed."""

    def __init__(self, address: ScrapeAddress, standing: Callable[[], Standing | None]) -> None:
        """ConfigurationError if there is no such address; one that is taken is `problem`: that may pass.

        `standing` gives None while there is no run.
        """
        self.problem = ""
        self._standing = standing
        self._page = b""
        self._rendered_at_s = -_FRESH_S
        self._scraped_at_s: list[float] = []  # the last two
        self._has_shown_end = Event()
        self._server: WSGIServer | None = None
        listener = address.listen()
        if listener is None:
            self.problem = (
                f"--prometheus-port {address.port}: somebody else listens at {address.host} already, and"
                " Prometheus can't find this run there"
            )
            return
        own = gevent.socket.socket(fileno=listener.detach())
        self._server = WSGIServer(own, self._answer, log=None, error_log=None)
        self._server.start()

    def linger(self) -> None:
        """Wait, once the run is over, until its last figures have been scraped; bounded, and not in vain."""
        if not self._scraped_at_s:
            return  # nobody ever came
        self._has_shown_end.clear()
        self._rendered_at_s = -_FRESH_S
        apart_s = self._scraped_at_s[-1] - self._scraped_at_s[0]
        self._has_shown_end.wait(min(_LONGEST_LINGER_S, 2 * apart_s or _LONGEST_LINGER_S))

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.stop(timeout=1)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/metrics" or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"only GET /metrics is here\n"]
        self._scraped_at_s = [*self._scraped_at_s[-1:], time.monotonic()]
        page = self._current()
        start("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(page)))])
        return [page]

    def _current(self) -> bytes:
        if time.monotonic() - self._rendered_at_s >= _FRESH_S:
            standing = self._standing()
            self._page = exposition(standing) if standing is not None else b""
            self._rendered_at_s = time.monotonic()
            if standing is not None and standing.state == ENDED:
                # After the answer has gone out.
                gevent.spawn_later(0.2, self._has_shown_end.set)
        return self._page
