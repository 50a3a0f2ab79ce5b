"""One client that streams and notes what it saw: run by accuracy.py, each in an environment of its own.

    python accuracy_client.py tokenswarm|read-time|openai|httpx URL MODEL USERS CALLS > calls.jsonl

Each line is a call: its id, when it was asked for, and when each chunk of content was seen, in seconds on the
machine's monotonic clock. Users begin within half a second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

START_WITHIN_S = 0.5
MESSAGES = [{"role": "user", "content": "Say something."}]
Calls = list[dict[str, Any]]


def read_time() -> float:
    """The same clock as always; but a connection that has one of its own takes no stamps."""
    return time.monotonic()


def by_tokenswarm(url: str, model: str, users: int, calls: int, *, is_stamped: bool = True) -> Calls:
    """Our own transport; without the kernel's stamps if it has a clock of its own."""
    import gevent

    from tokenswarm.metrics.call import CallRecord
    from tokenswarm.transport.call import call
    from tokenswarm.transport.endpoint import Endpoint
    from tokenswarm.transport.http import HttpConnection
    from tokenswarm.wire.dialect import DIALECTS, ChatOptions

    dialect, endpoint, found = DIALECTS["openai-chat"], Endpoint.build(url), []
    request = dialect.encode(MESSAGES[0]["content"], ChatOptions(model, stream=True))
    clock = time.monotonic if is_stamped else read_time

    def user(number: int) -> None:
        gevent.sleep(START_WITHIN_S * number / users)
        connection = HttpConnection(endpoint, clock)
        for _ in range(calls):
            record = CallRecord(time.monotonic())
            record.stream = True
            call(connection, dialect, request, record)
            assert record.is_success, record.detail
            found.append(
                {"id": record.response_id, "sent_s": record.sent_at_s, "seen_s": record.content_at_s}
            )
        connection.close()

    gevent.joinall([gevent.spawn(user, number) for number in range(users)], raise_error=True)
    return found


async def by_openai(url: str, model: str, users: int, calls: int) -> Calls:
    """The SDK as its documentation shows it."""
    from openai import AsyncOpenAI

    found = []
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

    async def user(number: int) -> None:
        await asyncio.sleep(START_WITHIN_S * number / users)
        for _ in range(calls):
            sent_s, seen_s, answer = time.monotonic(), [], ""
            stream = await client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
            async for chunk in stream:
                answer = chunk.id
                if chunk.choices and chunk.choices[0].delta.content:
                    seen_s.append(time.monotonic())
            found.append({"id": answer, "sent_s": sent_s, "seen_s": seen_s})

    await asyncio.gather(*map(user, range(users)))
    return found


async def by_httpx(url: str, model: str, users: int, calls: int) -> Calls:
    """httpx line by line, as load tools in Python do it."""
    import httpx

    found = []
    body = {"model": model, "messages": MESSAGES, "stream": True}
    limits = httpx.Limits(max_connections=users, max_keepalive_connections=users)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def user(number: int) -> None:
            await asyncio.sleep(START_WITHIN_S * number / users)
            for _ in range(calls):
                sent_s, seen_s, answer = time.monotonic(), [], ""
                async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
                    async for line in response.aiter_lines():
                        if not line.startswith("data: {"):
                            continue
                        chunk = json.loads(line[6:])
                        answer = chunk["id"]
                        if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                            seen_s.append(time.monotonic())
                found.append({"id": answer, "sent_s": sent_s, "seen_s": seen_s})

        await asyncio.gather(*map(user, range(users)))
    return found


def main() -> None:
    name, url, model = sys.argv[1:4]
    users, calls = map(int, sys.argv[4:])
    if name in ("openai", "httpx"):
        found = asyncio.run({"openai": by_openai, "httpx": by_httpx}[name](url, model, users, calls))
    else:
        found = by_tokenswarm(url, model, users, calls, is_stamped=name == "tokenswarm")
    for row in found:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
