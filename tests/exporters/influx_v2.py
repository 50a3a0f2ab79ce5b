"""A server that takes points as InfluxDB 2 documents it, and stricter: Debian has version 1 alone.

What it obeys: https://docs.influxdata.com/influxdb/v2/api/ (POST /api/v2/write) and the reference of line
protocol there. A batch with a malformed line is refused whole (400); a point whose field has another type
than before is refused by itself, the others are kept (422).
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

# A backslash escapes a comma, an equals sign or a space, and stands for itself before anything else.
_WORD: Final = r"(?:\\[,= ]|[^,= \\]|\\(?![,= ]))+"
_VALUE: Final = r'(?:"(?:\\["\\]|[^"\\])*"|[^,= "]+)'
_LINE: Final = re.compile(
    rf"(?P<measurement>(?:\\[, ]|[^, \\]|\\(?![, ]))+)(?P<tags>(?:,{_WORD}={_WORD})*)"
    rf" (?P<fields>{_WORD}={_VALUE}(?:,{_WORD}={_VALUE})*) (?P<time>-?\d+)"
)
_PAIR: Final = re.compile(rf"({_WORD})=({_VALUE}|{_WORD})(?:,|$)")
_TAG: Final = re.compile(rf",({_WORD})=({_WORD})")
_FLOAT: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_BOOLEANS: Final = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}
_MOST_INTEGER: Final = 2**63
_PRECISIONS: Final = ("ns", "us", "ms", "s")

Value = float | int | bool | str
Key = tuple[str, frozenset[tuple[str, str]], int]


class MalformedError(Exception):
    """A line that is none."""


@dataclass(frozen=True, slots=True)
class Point:
    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, Value]
    time_ns: int

    @classmethod
    def read(cls, line: str) -> Point:
        found = _LINE.fullmatch(line)
        if found is None:
            raise MalformedError(f"unable to parse '{line}'")
        tags = [(_plain(name), _plain(value)) for name, value in _TAG.findall(found["tags"])]
        fields = [(_plain(name), _value(value)) for name, value in _PAIR.findall(found["fields"])]
        for pairs in (tags, fields):
            if len(dict(pairs)) != len(pairs):
                raise MalformedError(f"unable to parse '{line}': a name is there twice")
        time_ns = int(found["time"])
        if not 10**18 < time_ns < 10**19:
            raise MalformedError(f"unable to parse '{line}': no time of our century, in nanoseconds")
        return cls(_plain(found["measurement"]), dict(tags), dict(fields), time_ns)


def _plain(word: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", word)


def _value(text: str) -> Value:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if re.fullmatch(r"-?\d+i", text) and -_MOST_INTEGER <= int(text[:-1]) < _MOST_INTEGER:
        return int(text[:-1])
    if _FLOAT.fullmatch(text):
        return float(text)
    raise MalformedError(f"unable to parse '{text}': invalid value")  # NaN and infinities, too


@dataclass
class InfluxV2:
    """One organization with one bucket, on a free loopback port; the lists and limits may be changed."""

    token: str = "right-token"
    org: str = "me"
    bucket: str = "load"
    most_bytes: int = 10_000_000
    pause_s: float = 0.0  # before each answer
    answers: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)  # to be given first
    points: dict[Key, Point] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)  # of all answers
    port: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _types: dict[tuple[str, str], type] = field(default_factory=dict)

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # an answer in one piece: in two, the second waits for an acknowledgement

            def setup(self) -> None:
                super().setup()
                owner._open.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, row, headers = owner.take(self.path, dict(self.headers), body)
                time.sleep(owner.pause_s)
                owner.statuses.append(status)
                content = b"" if status == 204 else json.dumps(row).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            with contextlib.suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v2/write?org=me&bucket=load"

    def of(self, measurement: str) -> list[Point]:
        return [point for point in self.points.values() if point.measurement == measurement]

    def take(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON and headers of the answer."""
        if self.answers:
            status, own = self.answers.popleft()
            return status, {"code": "as told", "message": "not now"}, own
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
        refused = self._refusal(parts.path, query, headers, body)
        if refused is not None:
            return refused[0], {"code": refused[1], "message": refused[2]}, {}
        try:
            points = [Point.read(line) for line in body.decode().split("\n") if line]
        except (MalformedError, UnicodeDecodeError) as error:
            return 400, {"code": "invalid", "message": str(error)}, {}
        dropped = sum(not self._keep(point) for point in points)
        if dropped:
            said = f"failure writing points to database: partial write: field type conflict dropped={dropped}"
            return 422, {"code": "unprocessable entity", "message": said}, {}
        return 204, {}, {}

    def _refusal(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, str] | None:
        if path != "/api/v2/write":
            return 404, "not found", "path not found"
        if headers.get("Authorization") != f"Token {self.token}":
            return 401, "unauthorized", "unauthorized access"
        if not headers.get("Content-Type", "text/plain").startswith("text/plain"):
            return 415, "unsupported media type", "need text/plain"
        if query.get("org") != self.org:
            return 404, "not found", f'organization name "{query.get("org")}" not found'
        if query.get("bucket") != self.bucket:
            return 404, "not found", f'bucket "{query.get("bucket")}" not found'
        if query.get("precision", "ns") not in _PRECISIONS:
            return 400, "invalid", "invalid precision; valid precision units are ns, us, ms, and s"
        if len(body) > self.most_bytes:
            return 413, "request too large", "cannot read data: points data exceeds the limit"
        return None

    def _keep(self, point: Point) -> bool:
        for name, value in point.fields.items():
            if self._types.setdefault((point.measurement, name), type(value)) is not type(value):
                return False
        self.points[point.measurement, frozenset(point.tags.items()), point.time_ns] = point
        return True
