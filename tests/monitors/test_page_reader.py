"""A metrics page that is read again and again, from a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tokenswarm.monitors.page import PageReader
from tokenswarm.monitors.reader import Found, MonitorError
from tokenswarm.monitors.spec import PageSpec, PageValue

Reply = tuple[int, dict[str, str], str]  # status, headers, body
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves one reply after the other, the last for ever; returns the page's URL."""
    servers: list[ThreadingHTTPServer] = []

    def begin(*replies: Reply, seen: list[str] | None = None) -> str:
        left = list(replies)

        class Page(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if seen is not None:
                    seen.append(f"{self.path} {self.headers.get('authorization')}")
                status, headers, body = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/metrics"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def page(*lines: str) -> Reply:
    return (
        200,
        {},
        "\n".join(("# TYPE calls counter", "# TYPE took histogram", "# TYPE hits counter", *lines, "")),
    )


def histogram(count: int) -> tuple[str, ...]:
    return (f'took_bucket{{le="0.1"}} {count}', f'took_bucket{{le="+Inf"}} {count}', f"took_sum {count / 20}")


def values(found: Found) -> list[tuple[str, float]]:
    return [(point.name, point.value) for point in found.points]


def reader_of(url: str, **more: str) -> PageReader:
    names = {"target_requests": "calls", "target_cache_hits": "hits", "target_queue": "queue"}
    places = {name: (PageValue(metric),) for name, metric in names.items()}
    places["target_latency"] = (PageValue("took"),)
    places["target_wait_ms"] = (PageValue("queue", {}, 1e-3),)
    return PageReader(PageSpec(url, places, ("target_queue", "target_wait_ms"), **more))


def test_figures_grow_from_the_first_reading_on(serve: Serve) -> None:
    """What was there is no growth; a counter without a series stands at 0; what comes later began there."""
    url = serve(
        page("calls_total 100", *histogram(50)),
        page("calls_total 130", "hits_total 4", "queue 7", *histogram(60)),
    )
    reader = reader_of(url)
    first, second = reader.read(), reader.read()
    reader.close()
    assert values(first) == [("target_requests", 0), ("target_cache_hits", 0)]
    assert first.times == []
    assert values(second) == [("target_requests", 30), ("target_cache_hits", 4), ("target_queue", 7)]
    (times,) = second.times
    assert (times.name, sum(times.values.values()), times.total) == ("target_latency", 10, 0.5)
    assert max(times.values) <= 0.1
    assert second.notes == ["target_wait_ms: queue is of type untyped, and a time needs a histogram"]
    assert reader.unseen() == ("target_wait_ms (queue)",)


def test_a_token_goes_to_its_own_host_only(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect to a path is followed, with the token; one to another place is not."""
    monkeypatch.setenv("METRICS_TOKEN", "let-me-in")
    seen: list[str] = []
    elsewhere = serve(page(), seen=seen)
    own: list[str] = []
    home = serve((307, {"location": "/metrics/"}, ""), page(), seen=own)
    with closing(reader_of(home, token_env="METRICS_TOKEN")) as reader:
        reader.read()
    assert own == ["/metrics Bearer let-me-in", "/metrics/ Bearer let-me-in"]
    away = serve((302, {"location": elsewhere}, ""))
    with (
        closing(reader_of(away, token_env="METRICS_TOKEN")) as reader,
        pytest.raises(MonitorError, match="name that address itself"),
    ):
        reader.read()
    assert seen == []


@pytest.mark.parametrize(
    ("status", "problem"), [(401, "name a token_env"), (404, "HTTP 404"), (500, "HTTP 500")]
)
def test_a_page_that_is_refused_says_why(serve: Serve, status: int, problem: str) -> None:
    """In words that the report can show."""
    reader = reader_of(serve((status, {}, "no")))
    with pytest.raises(MonitorError, match=problem):
        reader.read()
    reader.close()
