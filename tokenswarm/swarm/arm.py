"""One arm of a run: the gateway under test, or the provider behind it for the calls to compare with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tokenswarm.profile.schema import Profile
from tokenswarm.profile.target import Target
from tokenswarm.transport.aim import endpoint_of
from tokenswarm.transport.speech import Speech, speech_of
from tokenswarm.transport.websocket import Watch
from tokenswarm.wire.dialect import ChatOptions, Request


@dataclass(frozen=True, slots=True)
class Arm:
    """Where the calls of one arm go, and how they are worded; `name` is their label."""

    name: str
    speech: Speech
    path: str | None  # instead of the dialect's own
    options: Mapping[bool, ChatOptions]  # by whether the answer is to stream

    @classmethod
    def aimed(cls, name: str, target: Target, profile: Profile, watch: Watch) -> Self:
        """The arm that calls this target; its key comes from this process's environment."""
        endpoint = endpoint_of(target, profile.timeouts, os.environ)
        return cls(
            name,
            speech_of(target, endpoint, watch),
            target.path,
            {
                stream: ChatOptions(model=target.model, stream=stream, max_tokens=profile.max_tokens)
                for stream in (True, False)
            },
        )

    def request(self, text: str, *, stream: bool) -> Request:
        """The request that carries this prompt."""
        return self.speech.encode(text, self.options[stream], self.path)
