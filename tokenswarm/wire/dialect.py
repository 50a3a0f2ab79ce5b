"""The dialects that we speak, and the contract that each of them keeps.

A new dialect is one file beside this one and one row in DIALECTS. The contract itself stands in
contract.py, because the dialects need it and this table needs them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from tokenswarm.wire.anthropic_messages import AnthropicMessages
from tokenswarm.wire.contract import ChatOptions, Decoder, Dialect, ErrorBody, Request
from tokenswarm.wire.openai_chat import OpenAIChat
from tokenswarm.wire.openai_completions import OpenAICompletions
from tokenswarm.wire.openai_embeddings import OpenAIEmbeddings
from tokenswarm.wire.openai_responses import OpenAIResponses

__all__ = ["DIALECTS", "ChatOptions", "Decoder", "Dialect", "ErrorBody", "Request"]

_SPOKEN: Final[tuple[Dialect, ...]] = (
    OpenAIChat(),
    OpenAICompletions(),
    OpenAIResponses(),
    OpenAIEmbeddings(),
    AnthropicMessages(),
)

DIALECTS: Final = MappingProxyType({dialect.name: dialect for dialect in _SPOKEN})
