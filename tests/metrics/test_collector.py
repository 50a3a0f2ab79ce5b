"""The collector and what comes out of its deltas."""

from __future__ import annotations

import json

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.histogram import Histogram
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.series import MAX_FAULTS, OTHER_FAULTS, Delta
from tokenswarm.metrics.source import Aggregation, Selector, Span, StageSpan

STARTED_AT_S = 1000.0
ALL = Selector()


def call_at(
    ended_s: float, *, took_s: float = 0.1, outcome: str = "success", status: int = 200, **labels: object
) -> CallRecord:
    """A call that ended `ended_s` after the run's start and was sent `took_s` before."""
    sent_at_s = STARTED_AT_S + ended_s - took_s
    record = CallRecord(intended_at_s=sent_at_s - 0.01)
    record.started_at_s = record.sent_at_s = sent_at_s
    record.headers_at_s = sent_at_s + took_s / 2
    record.ended_at_s = sent_at_s + took_s
    record.scenario, record.stage, record.prompt = "chat", "hold", "short"
    record.outcome, record.status = outcome, status
    for name, value in labels.items():
        setattr(record, name, value)
    return record


def counts_of(histogram: Histogram) -> dict[int, int]:
    return dict(zip(*(column.tolist() for column in histogram.buckets()), strict=True))


def measured(*calls: CallRecord, stages: tuple[StageSpan, ...] = (StageSpan("hold", 0, 10),)) -> Measurements:
    """What a master knows of these calls, by way of the wire."""
    collector = Collector(STARTED_AT_S, width_s=1.0)
    for call in calls:
        collector.record(call)
    measurements = Measurements(stages)
    measurements.absorb(Delta.from_wire(json.loads(json.dumps(collector.drain().to_json()))))
    return measurements


def test_failed_calls_never_enter_the_success_only_latency() -> None:
    """A fast error must not make the gateway look fast; by label it can still be asked for."""
    measurements = measured(call_at(1, took_s=0.2), call_at(2, took_s=0.001, outcome="http_5xx", status=500))
    minimum = Aggregation("min")
    assert measurements.read("latency", minimum, ALL).value == pytest.approx(0.2)
    assert measurements.read("latency", minimum, Selector({"outcome": "http_5xx"})).value == pytest.approx(
        0.001
    )
    assert measurements.read("latency", minimum, Selector({"outcome": "all"})).samples == 2


def test_interrupted_calls_are_neither_success_nor_failure() -> None:
    """They are counted apart and stand on no side of a ratio."""
    measurements = measured(
        call_at(1), call_at(2, outcome="interrupted", status=0), call_at(3, outcome="truncated")
    )
    count = Aggregation("count")
    assert measurements.read("requests", count, ALL).value == 2
    assert measurements.read("interrupted", count, ALL).value == 1
    assert measurements.read("error_rate", Aggregation("rate"), ALL).value == 0.5
    assert measurements.read("success_rate", Aggregation("rate"), ALL).value == 0.5


def test_calls_past_the_gateway_are_in_no_figure_of_it() -> None:
    """The paired arm is fast and fails often; the gateway's times, rates and ratios know nothing of it."""
    direct = {"arm": "provider", "took_s": 0.001}
    measurements = measured(
        call_at(1), call_at(2), call_at(1, **direct), call_at(2, outcome="http_5xx", status=500, **direct)
    )
    count, share = Aggregation("count"), Aggregation("rate")
    assert measurements.read("latency", Aggregation("min"), ALL).value == pytest.approx(0.1)
    assert measurements.read("request_rate", Aggregation("value"), ALL).value == pytest.approx(0.2)
    assert measurements.read("error_rate", share, ALL).value == 0
    provider, both = Selector({"arm": "provider"}), Selector({"arm": "all"})
    assert measurements.read("error_rate", share, provider).value == 0.5
    assert measurements.read("latency", Aggregation("max"), provider).value == pytest.approx(0.001)
    assert [measurements.read("requests", count, s).value for s in (ALL, provider, both)] == [2, 2, 4]
    assert measurements.all_outcomes() == {"success": 3, "http_5xx": 1}
    assert measurements.all_outcomes("gateway") == {"success": 2}
    assert [key.arm for key in measurements.faults] == ["provider"]


def test_warm_up_stages_are_not_judged_unless_named() -> None:
    """Without a stage label a figure leaves warm-ups out; with it, it shows them."""
    stages = (StageSpan("warm-up", 0, 5, is_warmup=True), StageSpan("hold", 5, 10))
    measurements = measured(call_at(1, stage="warm-up", took_s=0.9), call_at(6), stages=stages)
    p50 = Aggregation("med")
    assert measurements.read("latency", p50, ALL).value == pytest.approx(0.1)
    assert measurements.read("latency", p50, Selector({"stage": "warm-up"})).value == pytest.approx(0.9)
    assert measurements.read("request_rate", Aggregation("value"), ALL).value == pytest.approx(1 / 5)


def test_a_call_belongs_to_the_interval_in_which_it_ended() -> None:
    """Spans select by the time of the end."""
    measurements = measured(call_at(0.5), call_at(1.5), call_at(1.9))
    assert measurements.read("requests", Aggregation("count"), ALL, Span(1, 2)).value == 2


def test_deltas_add_up_however_they_are_cut() -> None:
    """Draining after every call, or once at the end, tells the same."""
    calls = [call_at(0.1 * n, took_s=0.01 * n) for n in range(1, 60)]
    collector, often = Collector(STARTED_AT_S, 1.0), Measurements((StageSpan("hold", 0, 10),))
    for call in calls:
        collector.record(call)
        often.absorb(collector.drain())
    once = measured(*calls)
    assert counts_of(often.histogram("latency", ALL)) == counts_of(once.histogram("latency", ALL))
    assert often.count("requests", ALL) == once.count("requests", ALL) == 59


def test_a_fold_that_is_broken_off_loses_nothing() -> None:
    """Calls of three series; after the first step the caller is killed, and another drains."""
    collector = Collector(STARTED_AT_S, 1.0)
    for prompt in ("short", "medium", "long"):
        collector.record(call_at(1, prompt=prompt))
    folding = collector.fold_piecewise()
    next(folding)
    collector.record(call_at(1, prompt="short"))
    folding.close()
    measurements = Measurements((StageSpan("hold", 0, 10),))
    measurements.absorb(collector.drain())
    assert measurements.count("requests", ALL) == 4


def test_stream_figures_come_from_the_reads_that_brought_content() -> None:
    """ttft, gaps, tpot and bursts of one stream of four reads, five chunks and nine tokens."""
    record = call_at(2.0, took_s=1.0, stream=True)
    assert record.sent_at_s is not None
    record.content_at_s = [record.sent_at_s + s for s in (0.2, 0.3, 0.7, 1.0)]
    record.first_output_at_s = record.content_at_s[1]
    record.chunks, record.chunks_together, record.output_tokens = 5, 2, 9
    measurements = measured(record)
    highest = Aggregation("max")
    expected = {"ttft": 0.2, "ttfo": 0.3, "tpot": 0.8 / 8, "max_gap": 0.4, "burst_ratio": 0.4}
    for name, value in expected.items():
        assert measurements.read(name, highest, ALL).value == pytest.approx(value), name
    assert measurements.read("icl", highest, ALL).samples == 3


def test_tokens_that_we_estimated_give_no_tpot() -> None:
    """tpot rests on the server's own count, or there is none."""
    record = call_at(2.0, took_s=1.0, stream=True, tokens_estimated=True, output_tokens=9)
    record.content_at_s = [STARTED_AT_S + 1.2, STARTED_AT_S + 1.4]
    assert record.tpot_s is None
    assert measured(record).count("estimated_tokens", ALL) == 9


def test_goodput_counts_calls_that_meet_every_objective() -> None:
    """Of four calls one is too slow and one failed fast: half is good."""
    collector = Collector(STARTED_AT_S, 1.0, {"latency": 0.15})
    for call in (call_at(1), call_at(1), call_at(1, took_s=0.2), call_at(1, took_s=0.01, outcome="empty")):
        collector.record(call)
    measurements = Measurements((StageSpan("hold", 0, 10),))
    measurements.absorb(collector.drain())
    assert measurements.read("goodput", Aggregation("rate"), ALL).value == 0.5


def test_goodput_without_objectives_is_absent() -> None:
    """Nothing to meet is not everything met."""
    assert measured(call_at(1)).read("goodput", Aggregation("rate"), ALL).value is None


def test_a_target_that_varies_its_messages_cannot_fill_memory() -> None:
    """Beyond the cap, failures are counted under one message; none is lost."""
    calls = [
        call_at(1, outcome="http_5xx", status=500, detail=f"request {n} failed")
        for n in range(MAX_FAULTS * 2)
    ]
    faults = measured(*calls).faults
    assert len(faults) == MAX_FAULTS + 1
    assert sum(fault.count for fault in faults.values()) == MAX_FAULTS * 2
    assert any(key.message == OTHER_FAULTS for key in faults)


def test_faults_keep_their_first_and_last_time() -> None:
    """A report says when an error began and when it was last seen."""
    measurements = measured(
        *(call_at(at, outcome="connect", status=0, detail="refused") for at in (3.0, 1.0, 7.0))
    )
    (fault,) = measurements.faults.values()
    assert (fault.count, fault.first_s, fault.last_s) == (3, pytest.approx(1.0), pytest.approx(7.0))


def test_a_coarser_delta_makes_all_intervals_coarser() -> None:
    """When a long run doubles its width, what was known stays and is re-binned."""
    measurements = measured(call_at(0.5), call_at(1.5), call_at(3.5))
    coarse = Collector(STARTED_AT_S, 2.0)
    coarse.record(call_at(4.5))
    measurements.absorb(coarse.drain())
    assert measurements.width_s == 2.0
    assert sorted({key.interval for key in measurements.series}) == [0, 1, 2]
    assert measurements.read("requests", Aggregation("count"), ALL, Span(0, 2)).value == 2


def test_a_finer_delta_is_folded_into_coarse_intervals() -> None:
    """Workers whose width lags behind the master's lose nothing."""
    measurements = Measurements((StageSpan("hold", 0, 10),), width_s=4.0)
    fine = Collector(STARTED_AT_S, 1.0)
    for at in (0.5, 3.5, 4.5):
        fine.record(call_at(at))
    measurements.absorb(fine.drain())
    assert sorted({key.interval for key in measurements.series}) == [0, 1]


@pytest.mark.parametrize("width_s", [1.0, 4.0])
def test_a_delta_that_is_taken_counts_like_one_that_is_absorbed(width_s: float) -> None:
    """Two of one interval, and of another width than ours; what was taken must not be added to twice."""
    taken, absorbed = (Measurements((StageSpan("hold", 0, 10),), width_s=4.0) for _ in range(2))
    for at_s in ((0.5, 3.5), (0.7, 4.5), (8.5,)):
        collector = Collector(STARTED_AT_S, width_s)
        for at in at_s:
            collector.record(call_at(at))
        wire = json.dumps(collector.drain().to_json())
        taken.take(Delta.from_wire(json.loads(wire)))
        absorbed.absorb(Delta.from_wire(json.loads(wire)))
    assert taken.series.keys() == absorbed.series.keys()
    for key, series in taken.series.items():
        assert series.counts == absorbed.series[key].counts
    for metric, figure in (
        ("requests", "count"),
        ("latency", "max"),
        ("latency", "count"),
        ("latency", "avg"),
    ):
        read = (one.read(metric, Aggregation(figure), ALL).value for one in (taken, absorbed))
        assert next(read) == next(read)


def test_shares_without_calls_are_absent() -> None:
    """No call is inconclusive, not a success rate of zero."""
    reading = Measurements().read("success_rate", Aggregation("rate"), ALL)
    assert reading.value is None
    assert reading.reason == "no call ended"


def test_a_call_that_has_not_ended_is_refused() -> None:
    """Recording it would count it twice."""
    with pytest.raises(ValueError, match="ended"):
        Collector(STARTED_AT_S, 1.0).record(CallRecord(STARTED_AT_S))


def test_calls_are_told_apart_by_where_their_answer_came_from() -> None:
    """Cache, layer, provider and the model that was asked for are labels; `none` is who said nothing."""
    measurements = measured(
        call_at(1, took_s=0.01, cache="hit", cache_layer="L1", requested_model="a"),
        call_at(1, took_s=0.2, cache="miss", provider="openai", requested_model="a"),
        call_at(1, took_s=0.4, cache="miss", provider="azure", requested_model="b"),
        call_at(1, took_s=0.8),
    )
    highest = Aggregation("max")
    expected = {
        ("cache", "hit"): 0.01,
        ("cache_layer", "L1"): 0.01,
        ("provider", "openai"): 0.2,
        ("model", "b"): 0.4,
        ("cache", "none"): 0.8,
    }
    for (name, value), took_s in expected.items():
        reading = measurements.read("latency", highest, Selector({name: value}))
        assert (reading.value, reading.samples) == (pytest.approx(took_s), 1), name
    assert measurements.read("cache_hit_rate", Aggregation("rate"), ALL).value == pytest.approx(1 / 3)


def test_shares_of_what_answers_say_leave_out_those_that_say_nothing() -> None:
    """Fallbacks, prompt caches and compression: one call of each kind, and one that is silent."""
    measurements = measured(
        call_at(1, fell_back=True, input_tokens=300, cached_input_tokens=200, is_compression_asked=True),
        call_at(1, fell_back=False, input_tokens=100, cached_input_tokens=0),
        call_at(1, is_compression_asked=True, encoded_bytes=100, decoded_bytes=400, input_tokens=900),
        call_at(1, fell_back=True, outcome="http_5xx", status=500),
    )
    rate = Aggregation("rate")
    assert measurements.read("fallback_rate", rate, ALL).value == 0.5
    assert measurements.read("prompt_cache_rate", rate, ALL).value == 0.5
    assert measurements.read("compressed_rate", rate, ALL).value == 0.5
    assert measurements.read("compression_ratio", Aggregation("avg"), ALL).value == 4
    for metric in ("fallback_rate", "prompt_cache_rate", "compressed_rate"):
        assert measured(call_at(1)).read(metric, rate, ALL).value is None, metric


def test_cost_of_a_request_is_that_of_successes_and_cost_that_of_all() -> None:
    """A failure that was paid for counts in what the run cost."""
    measurements = measured(
        call_at(1, cost=0.25), call_at(1), call_at(1, cost=0.5, outcome="truncated"), call_at(1, cost=0.75)
    )
    assert measurements.read("cost_per_request", Aggregation("avg"), ALL).value == 0.5
    assert measurements.count("cost", ALL) == 1.5


def test_headroom_counts_refused_calls_too() -> None:
    """It is the refused call that found no room."""
    measurements = measured(
        call_at(1, rate_limit_headroom=0.5),
        call_at(1, rate_limit_headroom=0.0, outcome="rate_limited", status=429),
    )
    assert measurements.read("rate_limit_headroom", Aggregation("min"), ALL).value == 0


def test_who_answered_is_counted_under_the_model_that_was_asked_for() -> None:
    """A fallback to another model shows, by asked model."""
    measurements = measured(
        call_at(1, requested_model="a", model="a"),
        call_at(1, requested_model="a", model="b"),
        call_at(1, requested_model="b", model="b"),
    )
    of_a = Selector({"model": "a"})
    assert measurements.count("answered_by/b", of_a) == 1
    assert measurements.count("answered_by/b", ALL) == 2


def test_sums_over_growing_spans_are_those_of_each_span_alone() -> None:
    """Who looks for a first breach gets the same figures as who asks for one span; so does who settled."""
    calls = [call_at(0.5 * n, took_s=0.01 * n, prompt=("short", "long")[n % 2]) for n in range(1, 20)]
    grown, settled = measured(*calls), measured(*calls)
    settled.settle()
    p95 = Aggregation("p", 95)
    for selector in (ALL, Selector({"prompt": "short"}), Selector({"outcome": "all"})):
        for end_s in (1.0, 4.0, 3.0, 9.5, 9.5):
            span = Span(0.0, end_s)
            alone = measured(*calls).read("latency", p95, selector, span)
            assert grown.read("latency", p95, selector, span) == alone
            assert settled.read("latency", p95, selector, span) == alone


def test_what_is_added_after_a_look_counts_in_the_next() -> None:
    """Sums that are kept for the next look are dropped when something comes."""
    measurements, p95 = measured(call_at(1, took_s=0.1), call_at(2, took_s=0.1)), Aggregation("max")
    span = Span(0.0, 5.0)
    before = [measurements.read("latency", p95, ALL, where).value for where in (None, span)]
    assert measurements.count("requests", ALL) == 2
    collector = Collector(STARTED_AT_S, width_s=1.0)
    collector.record(call_at(3, took_s=0.5))
    measurements.absorb(collector.drain())
    after = [measurements.read("latency", p95, ALL, where).value for where in (None, span)]
    assert (before, after) == ([pytest.approx(0.1)] * 2, [pytest.approx(0.5)] * 2)
    assert measurements.count("requests", ALL) == 3


def test_misses_that_only_silence_tells_are_no_hit_rate_before_there_is_a_hit() -> None:
    """A gateway that marks hits alone looks, until the first one, as if it had no cache."""
    rate, missed = Aggregation("rate"), {"cache": "miss", "is_miss_implied": True, "is_repeat": True}
    assert measured(call_at(1, **missed)).read("cache_hit_rate", rate, ALL).value is None
    measurements = measured(call_at(1, **missed), call_at(2, cache="hit"))
    assert measurements.read("cache_hit_rate", rate, ALL).value == 0.5
    assert measurements.read("cache_hit_rate", rate, ALL, Span(1, 2)).value == 0


def test_misses_are_no_hit_rate_before_a_prompt_was_sent_twice() -> None:
    """Load that never repeats itself would call every cache broken."""
    rate = Aggregation("rate")
    reading = measured(call_at(1, cache="miss")).read("cache_hit_rate", rate, ALL)
    assert (reading.value, reading.reason) == (
        None,
        "no answer came from a cache, and no prompt was sent twice",
    )
    assert measured(call_at(1, cache="miss", is_repeat=True)).read("cache_hit_rate", rate, ALL).value == 0


def test_a_failure_names_one_request_to_look_for() -> None:
    """The first id that is known, past refusals that had none; on one line, and bounded."""
    measurements = measured(
        *(
            call_at(at, outcome="http_5xx", status=500, detail="down", request_id=id_)
            for at, id_ in ((1.0, ""), (2.0, "req\n1" + "x" * 200), (3.0, "req_2"))
        )
    )
    (fault,) = measurements.faults.values()
    assert fault.count == 3
    assert fault.request_id.startswith("req 1x")
    assert len(fault.request_id) == 80
