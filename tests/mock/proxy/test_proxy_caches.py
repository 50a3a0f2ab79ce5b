"""The gateway's exact cache and its forced hits, between real processes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

Stage = Any
Tools = Any


class TestExactCache:
    """L1."""

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_repeated_call_is_answered_from_memory(self, stage: Stage, tools: Tools, stream: bool) -> None:
        """With the stored answer; another prompt, model or field is another call."""
        gateway = stage.gateway(stage.calm, l1_ttl=600.0, style="nginx")
        first = tools.ask(gateway.url, stream=stream)
        again = tools.ask(gateway.url, stream=stream)
        assert (first.headers["x-cache-status"], again.headers["x-cache-status"]) == ("MISS", "HIT")
        assert again.body == first.body
        assert again.headers["content-type"] == first.headers["content-type"]
        for other in ({"prompt": "x"}, {"model": "other"}, {"max_tokens": 9}, {"stream": not stream}):
            asked = {"stream": stream, **other}
            assert tools.ask(gateway.url, **asked).headers["x-cache-status"] == "MISS"

    def test_the_order_of_fields_doesnt_matter(self, stage: Stage, tools: Tools) -> None:
        """Equal JSON is equal, however it is written."""
        gateway = stage.gateway(stage.calm, l1_ttl=600.0)
        raw = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
        other = b'{ "messages": [{"content":"x","role":"user"}], "model": "m" }'
        assert [tools.ask(gateway.url, raw=each).tier for each in (raw, other)] == [None, "l1"]

    def test_entries_expire(self, stage: Stage, tools: Tools) -> None:
        """After their time to live the provider is asked again."""
        provider = stage.provider()
        gateway = stage.gateway(provider.url, l1_ttl=0.2)
        tools.ask(gateway.url)
        tools.until(lambda: tools.ask(gateway.url).tier is None)
        assert provider.counters().received >= 2

    def test_failed_and_cut_answers_are_never_kept(self, stage: Stage, tools: Tools) -> None:
        """Each such call reaches the provider."""
        provider = stage.provider()
        gateway = stage.gateway(provider.url, l1_ttl=600.0, breaker_failures=100)
        for model in ("mock;status=400", "mock;cut=1", "mock;error_at=1;error_done=1", "mock;status=429"):
            answers = [tools.ask(gateway.url, model=model, stream=True) for _ in range(2)]
            assert [answer.tier for answer in answers] == [None, None]
        assert provider.counters().received == 8

    def test_a_caller_can_go_past_it(self, stage: Stage, tools: Tools) -> None:
        """By a header, or by LiteLLM's field; both count as neither hit nor miss."""
        provider = stage.provider()
        gateway = stage.gateway(provider.url, l1_ttl=600.0)
        tools.ask(gateway.url)
        past = tools.ask(gateway.url, headers={"cache-control": "no-cache"})
        also = tools.ask(gateway.url, cache={"no-cache": True})
        assert [past.headers["x-llm-edge-cache"], also.headers["x-llm-edge-cache"]] == ["bypass"] * 2
        counters = gateway.counters()
        assert (counters.misses, counters.hits["l1"], provider.counters().received) == (1, 0, 3)

    def test_admin_empties_it(self, stage: Stage, tools: Tools) -> None:
        """The next call is a miss."""
        gateway = stage.gateway(stage.calm, l1_ttl=600.0, l2=True)
        tools.ask(gateway.url)
        assert tools.ask(gateway.url).tier == "l1"
        tools.admin(gateway.url, {"flush": True})
        assert tools.ask(gateway.url).tier is None


class TestForcedHits:
    """A known hit ratio."""

    def test_the_ratio_holds_whatever_the_prompts(self, stage: Stage, tools: Tools) -> None:
        """All prompts differ; both layers are as seeded, in headers, metrics, log and at the provider."""
        provider = stage.provider()
        gateway = stage.gateway(provider.url, hit_ratio="50%", l2_hit_ratio="0.2", l1_delay="1", l2_delay="3")
        answers = [tools.ask(gateway.url, f"prompt {number}") for number in range(300)]
        tiers = Counter(answer.tier for answer in answers)
        counters = gateway.counters()
        assert counters.hits == {"l1": tiers["l1"], "l2": tiers["l2"]}
        assert provider.counters().received == counters.misses == tiers[None]
        assert tiers["l1"] == pytest.approx(150, abs=35)  # four standard deviations
        assert tiers["l2"] == pytest.approx(60, abs=28)
        stage.stop()
        for entry in stage.truth("gateway", 2):
            assert entry["forced"] == (entry["layer"] is not None)
            assert entry["total_ms"] >= {"l1": 1, "l2": 3, None: 0}[entry["layer"]]

    def test_equal_seeds_give_equal_hits(self, stage: Stage, tools: Tools) -> None:
        """Call by call."""
        drawn = []
        for _ in range(2):
            gateway = stage.gateway(stage.calm, hit_ratio="40%", seed=5)
            drawn.append([tools.ask(gateway.url, str(number)).tier for number in range(40)])
        assert drawn[0] == drawn[1]
        assert set(drawn[0]) == {None, "l1"}
