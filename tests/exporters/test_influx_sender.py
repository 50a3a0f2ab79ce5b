"""Points on their way to a server that takes them as InfluxDB 2 does, and what if it doesn't."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest

from tokenswarm.exporters.influx import InfluxExport
from tokenswarm.exporters.influx_lines import InfluxLines
from tokenswarm.exporters.influx_sender import InfluxSender
from tokenswarm.exporters.influx_target import InfluxTarget
from tokenswarm.metrics.series import Delta
from tokenswarm.metrics.standing import Standing

from .conftest import NASTY
from .influx_v2 import InfluxV2, MalformedError, Point

AT_NS = 1_700_000_000_000_000_000
BAD = f"t,run= x=1 {AT_NS}"


class Sending:
    """A sender, what it said, and a clock that stands still."""

    def __init__(self, influx: InfluxV2, environ: dict[str, str] | None = None) -> None:
        self.now_s = 100.0
        self.said: list[str] = []
        environ = {"INFLUX_TOKEN": "right-token"} if environ is None else environ
        target = InfluxTarget.read(influx.url, environ)
        self.sender = InfluxSender(target, self.said.append, lambda: self.now_s)

    def send(self, *lines: str) -> None:
        self.sender.add(lines)
        self.sender.send()

    @property
    def counts(self) -> tuple[int, int, int]:
        """Sent, lost, waiting."""
        return self.sender.sent, self.sender.lost, self.sender.waiting


@pytest.fixture
def influx() -> Iterator[InfluxV2]:
    with InfluxV2() as server:
        yield server


@pytest.fixture
def sending(influx: InfluxV2) -> Iterator[Callable[..., Sending]]:
    made: list[Sending] = []

    def make(environ: dict[str, str] | None = None) -> Sending:
        made.append(Sending(influx, environ))
        return made[-1]

    yield make
    for one in made:
        one.sender.close()


def line(number: int, value: str = "1.5") -> str:
    return f"t,number={number} x={value} {AT_NS + number}"


@pytest.mark.parametrize(
    "text",
    [
        f"t,a=1,a=2 x=1 {AT_NS}",
        f"t,a= x=1 {AT_NS}",
        f"t,a=b c x=1 {AT_NS}",
        f"t,a=b,c x=1 {AT_NS}",
        f"t,a=b=c x=1 {AT_NS}",
        f"t,a=b {AT_NS}",
        f"t x=nan {AT_NS}",
        f"t x=inf {AT_NS}",
        f"t x=1i5 {AT_NS}",
        f't x="open {AT_NS}',
        "t x=1",
        "t x=1 1700000000",
        f"t  x=1 {AT_NS}",
        f"t,a=b\\ x=1 {AT_NS}",
    ],
)
def test_the_server_takes_no_malformed_line(text: str) -> None:
    """Else it would prove nothing of ours."""
    with pytest.raises(MalformedError):
        Point.read(text)


def test_the_server_reads_what_is_escaped_and_every_type() -> None:
    """As the reference of line protocol says."""
    text = rf't\,a\ b,k\=1=v\,\ \=w\x f\ 1=1.5e-3,i=-3i,b=true,s="a, \"b\" = c" {AT_NS}'
    fields = {"f 1": 0.0015, "i": -3, "b": True, "s": 'a, "b" = c'}
    assert Point.read(text) == Point("t,a b", {"k=1": "v, =w\\x"}, fields, AT_NS)


def test_what_a_run_has_measured_arrives_whole(
    influx: InfluxV2, sending: Callable[..., Sending], measured: Delta, standing: Callable[..., Standing]
) -> None:
    """Names with commas, quotes and backslashes are read back, and a field keeps its type."""
    lines, one = InfluxLines(), sending()
    for at_ns in (AT_NS, AT_NS + 1):
        lines.absorb(measured)
        one.send(*lines.take(standing(), at_ns))
    assert influx.statuses == [204, 204]
    assert one.counts == (len(influx.points), 0, 0)
    assert not one.said
    calls = influx.of("tokenswarm")
    assert sum(int(point.fields["calls"]) for point in calls) == 10
    assert {point.tags["model"] for point in calls} == {NASTY.replace("\n", " ").rstrip("\\")}
    lines_of = {point.tags["line"] for point in influx.of("tokenswarm_threshold")}
    assert lines_of == {result.threshold.text for result in standing().thresholds}


def test_a_wrong_token_is_said_once_and_its_points_wait(
    influx: InfluxV2, sending: Callable[..., Sending]
) -> None:
    """Which variable to look at, and not what is in it; once it may write, everything arrives."""
    influx.token = "another"
    one = sending()
    one.send(line(1))
    one.send(line(2))
    (said,) = one.said
    assert 'does not let us write to bucket "load" of org "me" (status 401: unauthorized access)' in said
    assert "INFLUX_TOKEN" in said
    assert "right-token" not in said
    assert one.counts == (0, 0, 2)
    influx.token = "right-token"
    one.send(line(3))
    assert one.counts == (3, 0, 0)
    assert len(influx.points) == 3


def test_without_a_token_it_is_said_that_one_is_needed(sending: Callable[..., Sending]) -> None:
    """The variable's name is all that is missing."""
    one = sending({})
    one.send(line(1))
    assert "set INFLUX_TOKEN" in one.said[0]


def test_a_bucket_that_is_not_there_may_be_made_meanwhile(
    influx: InfluxV2, sending: Callable[..., Sending]
) -> None:
    """It is named, and its points wait."""
    influx.bucket = "other"
    one = sending()
    one.send(line(1))
    (said,) = one.said
    assert 'has no bucket "load" of org "me" (status 404: bucket "load" not found)' in said
    influx.bucket = "load"
    one.send()
    assert one.counts == (1, 0, 0)


def test_a_bad_point_costs_itself_alone(influx: InfluxV2, sending: Callable[..., Sending]) -> None:
    """The server refuses the whole batch; the good ones of it arrive, and the bad one isn't sent for ever."""
    one = sending()
    one.send(*map(line, range(60)), BAD, *map(line, range(60, 100)))
    assert one.counts == (100, 1, 0)
    assert len(influx.points) == 100
    (said,) = one.said
    assert "refused points (status 400: unable to parse" in said
    asked = len(influx.statuses)
    assert asked < 20
    one.send()
    assert len(influx.statuses) == asked


def test_a_field_of_another_type_is_lost_and_the_others_are_not_counted_as_lost(
    influx: InfluxV2, sending: Callable[..., Sending]
) -> None:
    """422: the server has kept the rest already; what is sent twice is there once."""
    one = sending()
    one.send(line(1))
    one.send(line(2), line(3, "1i"), line(4))
    assert one.counts == (3, 1, 0)
    assert len(influx.points) == 3
    assert "field type conflict" in one.said[0]


def test_a_server_that_refuses_everything_is_not_asked_for_each_point(
    influx: InfluxV2, sending: Callable[..., Sending]
) -> None:
    """Looking for the bad one has an end."""
    one = sending()
    one.send(*[BAD] * 1000)
    assert one.counts == (0, 1000, 0)
    assert len(influx.statuses) < 60


def test_too_much_at_once_is_sent_in_parts(influx: InfluxV2, sending: Callable[..., Sending]) -> None:
    """413: nothing is lost but a point that is too large by itself."""
    influx.most_bytes = 10 * len(line(100))
    one = sending()
    one.send(*map(line, range(200)))
    assert one.counts == (200, 0, 0)
    assert not one.said
    one.send(line(1), f"t,long={'x' * 1000} y=1 {AT_NS}", line(201))
    assert one.counts == (202, 1, 0)
    assert len(influx.points) == 201


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_has_no_time_is_left_alone_as_long_as_it_asks(
    influx: InfluxV2, sending: Callable[..., Sending], status: int
) -> None:
    """Retry-After in seconds: not a request before that, and then everything, in order."""
    influx.answers.append((status, {"Retry-After": "30"}))
    one = sending()
    one.send(line(1))
    one.now_s += 29.9
    one.send(line(2))
    assert influx.statuses == [status]
    assert one.counts == (0, 0, 2)
    one.now_s += 0.2
    one.send()
    assert one.counts == (2, 0, 0)
    assert [point.tags["number"] for point in influx.points.values()] == ["1", "2"]
    (said,) = one.said
    assert f"has no time for our points (status {status}: not now)" in said


@pytest.mark.parametrize(
    ("value", "least_s", "most_s"),
    [
        ("in ten minutes", 500, 601),
        ("ten minutes ago", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("9" * 400, 0, 0),
    ],
)
def test_retry_after_may_be_a_date_and_rubbish_is_no_reason_to_wait(
    influx: InfluxV2, sending: Callable[..., Sending], value: str, least_s: float, most_s: float
) -> None:
    """RFC 9110; whatever it is, it ends nothing."""
    # By the clock of this moment: tests may have been collected long before.
    dates = {"in ten minutes": time.time() + 600, "ten minutes ago": time.time() - 600}
    said = formatdate(dates[value], usegmt=True) if value in dates else value
    influx.answers.append((503, {"Retry-After": said}))
    one = sending()
    one.send(line(1))
    assert least_s <= one.sender.not_before_s - one.now_s <= most_s


def test_an_outage_costs_the_oldest_points_beyond_ten_minutes(
    influx: InfluxV2, sending: Callable[..., Sending]
) -> None:
    """Of 130 batches 120 wait; when the server is back, they arrive in order, and ten are counted as lost."""
    one = sending()
    one.send(line(0))
    influx.__exit__(None, None, None)
    influx.answers.append((500, {}))
    for number in range(1, 131):
        one.sender.add([line(number)])
        if number % 50 == 1:
            one.sender.send()
    assert one.counts == (1, 10, 120)
    with influx:
        one.sender.send()
        assert one.counts == (1, 10, 120)  # 500: it is there, and not well
        one.sender.send()
        assert one.counts == (121, 10, 0)
    numbers = [int(point.tags["number"]) for point in influx.points.values()]
    assert numbers == [0, *range(11, 131)]
    assert [said.split(":")[0] for said in one.said] == [
        "InfluxDB can't be reached",
        "InfluxDB answered (status 500",
    ]
    assert one.sender.problem.startswith("can't be reached")


def test_waiting_points_are_bounded_by_their_size(sending: Callable[..., Sending]) -> None:
    """A hundred batches of a run with many labels would fill the memory."""
    one = sending()
    for number in range(8):
        one.sender.add([line(number) + "x" * 9_000_000])
    assert one.counts == (0, 5, 3)


def test_what_still_waits_at_the_end_is_lost_and_counted(
    influx: InfluxV2, sending: Callable[..., Sending]
) -> None:
    """The run's end waits for nobody's ten minutes."""
    influx.answers.append((503, {"Retry-After": "600"}))
    one = sending()
    one.send(line(1), line(2))
    one.sender.close()
    assert one.counts == (0, 2, 0)


def test_at_the_end_a_short_wait_is_waited_for(influx: InfluxV2, standing: Callable[..., Standing]) -> None:
    """A server that asks for a second gets it: else the run's last points would be lost."""
    influx.answers.append((503, {"Retry-After": "1"}))
    target = InfluxTarget.read(influx.url, {"INFLUX_TOKEN": "right-token"})
    export = InfluxExport(target, standing, lambda _: None)
    export.close()
    facts = export.facts()
    assert influx.statuses == [503, 204]
    assert (facts["sent"], facts["dropped"]) == (len(influx.points), 0)
