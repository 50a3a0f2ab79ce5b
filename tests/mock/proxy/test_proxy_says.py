"""What the gateway says of itself and of its answers: headers in any style, metrics, a log."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.proxy.styles import STYLES
from tokenswarm.wire.gateway_finder import GatewayFinder
from tokenswarm.wire.gateway_signals import PRESETS
from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.signal_reader import AnswerSaid, SignalReader

Stage = Any
Tools = Any


class TestStyles:
    """Headers as known gateways send them."""

    @pytest.mark.parametrize("style", list(STYLES))
    def test_tokenswarm_reads_what_the_style_says(self, stage: Stage, tools: Tools, style: str) -> None:
        """By its own preset: cache, provider and fallback are those of the truth log."""
        gateway = stage.gateway(
            stage.down, stage.calm, l1_ttl=600.0, style=style, price_input=10.0, price_output=20.0
        )
        said = [tools.ask(gateway.url) for _ in range(2)]
        assert [answer.status for answer in said] == [200, 200]
        assert said[0].json["usage"]["tensorzero_cost" if style == "tensorzero" else "cost"] > 0
        if style == "none":
            assert not any(mark in _marks(answer) for answer in said for mark in PRESETS)
            return
        assert all(style in _marks(answer) for answer in said)
        reader = SignalReader(PRESETS[style].rules)
        miss, hit = (reader.read(_as_said(answer)) for answer in said)
        able = {rule.gives for rule in PRESETS[style].rules}
        assert (miss.get("cache"), hit.get("cache")) == (("miss", "hit") if "cache" in able else (None, None))
        assert miss.get("fell_back") is (True if "fell_back" in able else None)
        names = (None, "secondary", stage.calm.removeprefix("http://"))
        assert miss.get("provider") in names
        assert ("provider" in miss) is ("provider" in able)
        assert ("overhead" in miss) is ("overhead" in able)
        if "upstream_time" in able:
            assert miss["upstream_time"] >= 0

    def test_metadata_and_streams_of_the_edge_agent(self, stage: Stage, tools: Tools) -> None:
        """In the body of whole answers, and in a stream's event with the usage."""
        gateway = stage.gateway(stage.calm, l1_ttl=600.0, price_input=1.0, price_output=3.0)
        for cached in (False, True):
            metadata = tools.ask(gateway.url).json["metadata"]
            assert (metadata["cached"], metadata["provider"]) == (cached, "primary")
        options = {"stream": True, "stream_options": {"include_usage": True}}
        for cached in (False, True):
            body = tools.ask(gateway.url, **options).body.decode()
            events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
            (event,) = [event for event in events if event.get("usage")]
            assert event["metadata"]["cached"] is cached
            assert (event["usage"]["cost"] > 0) is not cached


def _as_said(answer: Any) -> AnswerSaid:
    headers = {name.encode(): value.encode("latin-1") for name, value in answer.headers.items()}
    usage = answer.json["usage"]
    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    return AnswerSaid(headers, True, answer.json["id"], tokens, KeptAnswer(answer.body))


def _marks(answer: Any) -> set[str]:
    """Presets whose marks are on it, but for those of the provider, whose headers come through."""
    found = GatewayFinder().look(_as_said(answer))
    return set() if found.gateway in ("openai", "none") else {found.gateway}


def test_metrics_have_the_names_that_dashboards_ask_for(stage: Stage, tools: Tools) -> None:
    """On both paths, with sums that agree with the truth log."""
    gateway = stage.gateway(stage.calm, l1_ttl=600.0, price_input=1.0, price_output=2.0)
    for _ in range(3):
        tools.ask(gateway.url)
    pages = []
    for path in ("/metrics", "/metrics/prometheus"):
        connection = HTTPConnection(gateway.url.removeprefix("http://"), timeout=10)
        connection.request("GET", path)
        pages.append(connection.getresponse().read().decode())
        connection.close()
    for line in (
        'llm_edge_cache_hits_total{tier="l1"} 2.0',
        "llm_edge_cache_misses_total 1.0",
        'llm_edge_request_duration_ms_count{provider="cache"} 2.0',
        'llm_edge_tokens_total{provider="primary",type="output"} 3.0',
        'requests_total{provider="primary",status="200"} 1.0',
        'http_requests_total{status="200"} 3.0',
        "cache_hits_total 2.0",
        "cache_requests_total 3.0",
        'request_latency_seconds_count{provider="primary"} 1.0',
        'tokenswarm_mock_gateway_circuit{upstream="primary"} 0.0',
    ):
        assert all(line in page for page in pages), line
    stage.stop()
    cost = sum(entry["cost_usd"] for entry in stage.truth("gateway", 1))
    assert f'llm_edge_cost_usd_total{{provider="primary"}} {cost}' in pages[0]


def test_the_request_log_reads_as_an_agents_does(stage: Stage, tools: Tools, tmp_path: Path) -> None:
    """A line for each call, with total_latency_ms."""
    log = tmp_path / "requests.log"
    gateway = stage.gateway(stage.provider(ttft="20").url, request_log=log)
    tools.ask(gateway.url)
    stage.stop()
    found = re.findall(r"Request completed .*total_latency_ms=(\d+)", log.read_text())
    assert [int(ms) >= 20 for ms in found] == [True]
