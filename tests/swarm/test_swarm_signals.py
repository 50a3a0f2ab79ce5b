"""What a worker reads out of answers: the gateway that it finds, the fields that it fills, what it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.profile.target import Target
from tokenswarm.swarm.signals import Signals

GOLDEN = Path(__file__).parent.parent / "golden" / "signals"


def target(**more: Any) -> Target:
    return Target.model_validate({"name": "t", "url": "http://127.0.0.1:1", "model": "m", **more})


def signals(**more: Any) -> tuple[Signals, Collector]:
    collector = Collector(0.0, 1.0)
    return Signals(target(**more), collector), collector


def ended(reading: Signals, file: str, *, stream: bool = False, text: str = "", **more: Any) -> CallRecord:
    """A call that got the answer in a file, as the transport leaves it, and that was then read."""
    head, _, body = (GOLDEN / f"{file}.txt").read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    record = CallRecord(0.0)
    record.stream, record.status, record.ended_at_s = stream, 200, 1.0
    for name, value in more.items():
        setattr(record, name, value)
    reading.prepare(record)
    if record.body is not None:
        record.body += body
    if record.text_tail is not None:
        record.text_tail = text[-96:]
    record.head = head.replace(b"\n", b"\r\n")
    reading.read(record)
    return record


def counts(reading: Signals, collector: Collector) -> dict[str, float]:
    reading.report(1.0, "hold", at_once=True)
    (series,) = collector.drain().series.values()
    return series.counts


def test_the_fields_of_a_call_are_filled_from_its_answer() -> None:
    """A real LiteLLM answer that fell back, by the preset that auto finds."""
    reading, _ = signals()
    record = ended(reading, "litellm-fallback")
    assert (record.cache, record.is_miss_implied, record.fell_back) == ("miss", True, True)
    assert (record.provider, record.model) == ("127.0.0.1:18102", "mock-b")
    assert record.reported_overhead_s == pytest.approx(0.0324948)
    assert record.rate_limit_headroom == 0.9999
    assert record.request_id == "ee6c6754-9e04-4294-8896-f358cac3f706"


def test_the_scarcest_limit_is_the_headroom() -> None:
    """9,000 of 10,000 requests are left, but only a quarter of the tokens."""
    assert ended(signals()[0], "openai").rate_limit_headroom == 0.25


def test_a_cost_in_usage_goes_before_a_header() -> None:
    """The header of a stream may be that of its beginning."""
    reading, _ = signals(gateway="litellm")
    assert ended(reading, "litellm-miss").cost == 0.0002075
    assert ended(reading, "litellm-miss", cost=0.5).cost == 0.5


def test_rules_of_the_target_go_before_those_of_the_preset() -> None:
    """A user knows the own gateway better."""
    own = [{"gives": "provider", "header": "x-litellm-model-group"}]
    reading, _ = signals(gateway="litellm", signals=own)
    assert ended(reading, "litellm-fallback").provider == "mock-backup"


def test_calls_past_the_gateway_say_nothing_of_it() -> None:
    """The provider's own headers are not the gateway's, and must not decide which gateway it is."""
    reading, collector = signals()
    direct = ended(reading, "openai", arm="provider")
    assert (direct.rate_limit_headroom, direct.reported_upstream_s) == (None, None)
    assert ended(reading, "litellm-miss").cache == "miss"
    found = [name for name in counts(reading, collector) if name.startswith("gateway_found")]
    assert found == ["gateway_found/litellm/header x-litellm-call-id"]


def test_a_gateway_that_is_named_is_not_looked_for() -> None:
    """Nor is one that the user says is none."""
    reading, collector = signals(gateway="none")
    assert ended(reading, "litellm-miss").cache == ""
    reading.report(1.0, "hold", at_once=True)
    assert not collector.drain().series
    assert ended(signals(gateway="nginx")[0], "litellm-miss").cache == ""


def test_rules_are_counted_whether_they_apply_or_not() -> None:
    """A rule that was never right must show in the report."""
    own = [
        {"gives": "provider", "header": "x-mispelled"},
        {"gives": "cache", "header": "x-cache-status", "matches": "^HIT", "value": "hit"},
    ]
    reading, collector = signals(gateway="none", signals=own)
    for file in ("nginx-hit", "nginx-miss", "nginx-miss"):
        ended(reading, file)
    assert counts(reading, collector) == {
        "rule_asked/provider: header x-mispelled": 2,
        "rule_matched/provider: header x-mispelled": 0,
        "rule_asked/cache hit: header x-cache-status matches ^HIT": 3,
        "rule_matched/cache hit: header x-cache-status matches ^HIT": 1,
    }


def test_counts_of_a_long_run_come_once_a_minute_and_at_its_end() -> None:
    """A soak's folder would otherwise hold them for every second."""
    reading, collector = signals(gateway="nginx")
    reports = 0
    for second in range(180):
        reading.report(float(second), "hold", at_once=second == 179)
        reports += bool(collector.drain().series)
    assert reports == 4


def test_answers_are_read_before_the_gateway_is_certain() -> None:
    """A proxy might have an LLM gateway behind it, but until that shows, the proxy's own signals count."""
    reading, collector = signals()
    assert ended(reading, "nginx-miss").cache == "miss"
    found = [name for name in counts(reading, collector) if name.startswith("gateway_found")]
    assert found == ["gateway_found/nginx/header x-upstream-header-time"]


def test_bodies_are_kept_only_while_somebody_looks_into_them() -> None:
    """Once the gateway is known by its headers and no stamp was found, answers are read and forgotten."""
    reading, _ = signals()
    kept = [ended(reading, "openai").body is not None for _ in range(25)]
    assert kept == [True] * 20 + [False] * 5


@pytest.mark.parametrize("stream", [True, False])
def test_the_providers_own_times_are_read_wherever_they_stand(stream: bool) -> None:
    """At the end of the text, past a gateway that strips everything else; then only there."""
    reading, _ = signals()
    stamped = "so it is [mock ttft_ms=40.000 total_ms=90.000]"
    for _ in range(25):
        record = ended(reading, "nothing-known", stream=stream, text=stamped)
        assert (record.provider_ttft_s, record.provider_total_s) == (0.04, 0.09)
    assert record.body is None
    assert record.text_tail is not None


def test_an_interrupted_call_says_nothing() -> None:
    """Its answer is not whole."""
    assert ended(signals()[0], "litellm-hit", outcome="interrupted").cache == ""
