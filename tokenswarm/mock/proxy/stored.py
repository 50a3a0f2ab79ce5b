"""An answer as a cache keeps it, and as Redis does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import orjson

from tokenswarm.mock.proxy.link import Headers
from tokenswarm.mock.proxy.usage import Tokens


@dataclass(frozen=True, slots=True)
class Stored:
    """`body` is as the client got it, events of a stream included; `headers` are the upstream's."""

    body: bytes
    is_stream: bool
    content_type: bytes
    headers: Headers
    provider: str
    tokens: Tokens

    def pack(self) -> bytes:
        """One line of JSON, and the body."""
        about = {
            "is_stream": self.is_stream,
            "content_type": self.content_type.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers],
            "provider": self.provider,
            "tokens": [self.tokens.input, self.tokens.output],
        }
        return orjson.dumps(about, option=orjson.OPT_APPEND_NEWLINE) + self.body

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The inverse; ValueError, KeyError or TypeError for what pack didn't write."""
        line, _, body = data.partition(b"\n")
        about = orjson.loads(line)
        return cls(
            body,
            about["is_stream"],
            about["content_type"].encode("latin-1"),
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in about["headers"]],
            about["provider"],
            Tokens(*about["tokens"]),
        )
