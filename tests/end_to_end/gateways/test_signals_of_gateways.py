"""What real gateways say of their work, as `gateway: auto` reads it."""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import uuid4

import pytest

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.profile.schema import Timeouts
from tokenswarm.profile.target import Target
from tokenswarm.swarm.signals import Signals
from tokenswarm.transport.aim import endpoint_of
from tokenswarm.transport.speech import speech_of
from tokenswarm.wire.dialect import ChatOptions

from .conftest import LITELLM_KEY

pytestmark = pytest.mark.end_to_end


def asked_twice(url: str, model: str, *, stream: bool, **target: Any) -> tuple[CallRecord, CallRecord]:
    """Two calls with one prompt, read as a worker reads them."""
    aim = Target.model_validate({"name": "g", "url": url, "model": model, "key_env": "PROXY_KEY", **target})
    endpoint = endpoint_of(aim, Timeouts.model_validate({}), {**os.environ, "PROXY_KEY": LITELLM_KEY})
    speech, signals = speech_of(aim, endpoint), Signals(aim, Collector(time.monotonic(), 1.0))
    request = speech.encode(f"Say a word, {uuid4()}.", ChatOptions(model, stream, 50), aim.path)
    connection, records = speech.connect(), []
    try:
        for _ in range(2):
            record = CallRecord(time.monotonic())
            record.stream = stream
            signals.prepare(record)
            connection.call(request, record)
            signals.read(record)
            assert record.is_success, record.detail
            records.append(record)
    finally:
        connection.close()
    return records[0], records[1]


@pytest.mark.parametrize("stream", [True, False])
def test_litellms_cache_is_seen(litellm: str, stream: bool) -> None:
    """The second of two equal calls is a hit, streamed or not, and only the first had a provider."""
    first, second = asked_twice(litellm, "primary", stream=stream)
    assert (first.cache, second.cache) == ("miss", "hit")
    assert first.provider.startswith("127.0.0.1:")
    assert second.provider == ""
    assert first.fell_back is False
    assert first.reported_overhead_s is not None
    assert first.request_id


def test_nginx_names_its_cache_its_upstream_and_its_time(nginx: str) -> None:
    """As its config asks it to; of the stored answer, neither upstream nor time nor limits are believed."""
    first, second = asked_twice(nginx, "mock", stream=False)
    assert (first.cache, second.cache) == ("miss", "hit")
    assert first.provider.startswith("127.0.0.1:")
    assert first.fell_back is False
    assert first.reported_upstream_s is not None
    assert first.reported_upstream_s > 0.03  # the provider's first token comes after 40 ms
    assert first.provider_total_s is not None
    assert (second.provider, second.reported_upstream_s, second.rate_limit_headroom) == ("", None, None)
