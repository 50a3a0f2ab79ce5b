"""Which connection a call is made over."""

from __future__ import annotations

from tokenswarm.metrics.call import CallRecord
from tokenswarm.mock.options import MockOptions
from tokenswarm.mock.process import MockProcess
from tokenswarm.profile.target import Target
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.transport.speech import speech_of
from tokenswarm.wire.contract import ChatOptions


def test_each_model_has_a_realtime_connection_of_its_own():
    """The model stands in the URL of the socket: a call for another must not go over it."""
    with MockProcess(MockOptions(ttft="0", itl="0", tokens="2")) as mock:
        target = Target(name="mock", url=mock.url, dialect="openai-realtime", model="mock")
        speech = speech_of(target, Endpoint.build(mock.url))
        caller = speech.connect()
        records = []
        for model in ("mock", "mock;tokens=7", "mock", "mock;tokens=7"):
            record = CallRecord(0.0)
            record.stream = True
            options = ChatOptions(model=model, stream=True)
            records.append(caller.call(speech.encode("Hi", options, None), record))
        opened = mock.counters().websockets_opened
        caller.close()
    assert [record.output_tokens for record in records] == [2, 7, 2, 7]
    assert [record.is_reused for record in records] == [False, False, True, True]
    assert opened == 2
