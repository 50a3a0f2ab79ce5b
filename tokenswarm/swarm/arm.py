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
    options: Mapping[tuple[str, bool], ChatOptions]  # by model, and by whether the answer is to stream
    own: Mapping[
        bool, ChatOptions
    ]  # for models that this arm doesn't have: the provider may have one for all

    @classmethod
    def aimed(cls, name: str, target: Target, profile: Profile, watch: Watch) -> Self:
        """The arm that calls this target; its key comes from this process's environment."""
        endpoint = endpoint_of(target, profile.timeouts, os.environ)
        options = {
            (model.name, stream): ChatOptions(model.name, stream, profile.max_tokens)
            for model in target.asked
            for stream in (True, False)
        }
        return cls(
            name,
            speech_of(target, endpoint, watch),
            target.path,
            options,
            {stream: options[target.asked[0].name, stream] for stream in (True, False)},
        )

    def request(self, text: str, model: str, *, stream: bool) -> Request:
        """The request that carries this prompt."""
        options = self.options.get((model, stream)) or self.own[stream]
        return self.speech.encode(text, options, self.path)
