"""When answers went over to another provider, and when they came back."""

from __future__ import annotations

import math

import pytest

from tokenswarm.metrics.injection import Happening, Injection, injection_reading
from tokenswarm.metrics.moments import Moments
from tokenswarm.metrics.recovery import recovery_of
from tokenswarm.metrics.source import Aggregation
from tokenswarm.metrics.switchover import Switch, Switchover, switches_in, switchover_of, usual_provider

END_S = 60.0
RATE = 10.0
MAX = Aggregation("max")


def answered(*by_secondary: tuple[float, float], share: float = 1.0, silent: tuple[float, float] = (0, 0)):
    """A run of a minute in tenths of a second; the secondary answers in the spans, nobody in `silent`."""
    providers: dict[str, dict[int, float]] = {"primary": {}, "secondary": {}}
    for i in range(600):
        at_s = round(i / 10, 1)
        if silent[0] <= at_s < silent[1]:
            continue
        part = RATE * share if any(start <= at_s < end for start, end in by_secondary) else 0.0
        for name, calls in (("primary", RATE - part), ("secondary", part)):
            if calls:
                providers[name][i] = calls
    return Moments(0.1, {}, {}, providers)


def switches(seen: Moments) -> list[tuple[float, bool]]:
    found = switches_in(seen, "primary", 10.0, END_S)
    return [(one.moment / 10, one.is_return) for one in found]


def test_calls_go_away_and_come_back() -> None:
    """Dated by the first answer from where they went, to a moment's width."""
    assert switches(answered((20.3, 32.7))) == [(20.3, False), (32.7, True)]
    assert switches(answered()) == []


def test_a_silence_before_the_first_answer_belongs_to_the_way_there() -> None:
    """A provider that hangs answers nothing; the switch is when another one does."""
    assert switches(answered((20, 30), silent=(20, 23.5)))[0] == (23.5, False)


def test_a_share_below_one_half_is_no_switch() -> None:
    """A gateway that spreads its calls, or tries the primary now and then."""
    assert switches(answered((20, 30), share=0.4)) == []
    assert switches(answered((20, 30), share=0.9)) == [(20.0, False), (30.0, True)]


def test_one_stray_answer_is_no_switch() -> None:
    """Most calls of a second must have gone with it."""
    assert switches(answered((20, 20.2))) == []


def test_the_usual_provider_is_who_answered_most_before() -> None:
    """Whatever happens later; None where no answer says who gave it."""
    assert usual_provider(answered((5, 60)), 8.0) == "primary"
    assert usual_provider(answered((5, 60)), 30.0) == "secondary"
    assert usual_provider(Moments(0.1, {1: 1.0}, {}), 8.0) is None


CALM = Moments(0.1, {}, {})
GONE_AND_BACK = (Switch(210, is_return=False), Switch(320, is_return=True))


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((20.0, 30.0), Switchover("primary", 21.0, None, is_away=True)),
        ((30.0, 40.0), Switchover("primary", None, 32.0, is_away=False)),
        ((20.0, 60.0), Switchover("primary", 21.0, 32.0, is_away=False)),
        ((40.0, 60.0), Switchover("primary", None, None, is_away=False)),
        ((22.0, 31.0), Switchover("primary", None, None, is_away=True)),
    ],
)
def test_each_thing_done_has_the_switches_until_the_next(
    span: tuple[float, float], expected: Switchover
) -> None:
    """A fault the way there, its end the way back, and one that ends by itself both."""
    assert switchover_of(CALM, GONE_AND_BACK, "primary", *span) == expected


def test_a_switch_in_the_moment_of_an_injection_is_its_doing() -> None:
    """What was done in the middle of a moment can't have come before what the moment holds."""
    assert switchover_of(CALM, GONE_AND_BACK, "primary", 32.05, 60.0).returned_s == 32.05
    assert switchover_of(CALM, GONE_AND_BACK, "primary", 20.0, 32.05).returned_s is None


def injections(*spans: tuple[float, float], seen: tuple[Switch, ...] = GONE_AND_BACK) -> list[Injection]:
    return [
        Injection(
            Happening(start, "x"),
            recovery_of(CALM, start, end, END_S, 0.01, 10.0),
            switchover_of(CALM, seen, "primary", start, end),
            is_last=end == END_S,
        )
        for start, end in spans
    ]


def test_the_two_times_count_from_what_was_done() -> None:
    """From the fault to the first answer of another, and from its end to the first of the usual one."""
    found = injections((20.0, 30.0), (30.0, END_S))
    assert injection_reading("failover_time", found, MAX).value == pytest.approx(1.0)
    assert injection_reading("return_time", found, MAX).value == pytest.approx(2.0)
    assert injection_reading("return_time", found, Aggregation("count")).value == 1


def test_who_never_came_back_bounds_the_time_from_below() -> None:
    """Never a return of 0 s; and none is missed between a fault and its end."""
    found = injections((20.0, 30.0), (30.0, END_S), seen=GONE_AND_BACK[:1])
    reading = injection_reading("return_time", found, MAX)
    assert (reading.value, reading.high) == (30.0, math.inf)


def test_without_a_switch_there_is_no_figure() -> None:
    """A fault that the gateway did not leave its provider for."""
    found = injections((20.0, END_S), seen=())
    assert injection_reading("failover_time", found, MAX).value is None
    assert injection_reading("return_time", found, MAX).value is None
