"""A plain client on the `openai` package under asyncio: N streams at a time, and their first tokens.

    python openai_sdk.py URL MODEL STREAMS SECONDS

Prints a JSON line: by how much each stream's time to the first token, in ms, is more than the provider's own,
which the mock writes at the end of the text.
"""

import asyncio
import json
import re
import sys
import time

from openai import AsyncOpenAI

STAMP = re.compile(r"\[mock ttft_ms=([0-9.]+) ")


async def stream(client: AsyncOpenAI, model: str, until_s: float, errors_ms: list[float]) -> None:
    """One call after another until the time is up."""
    messages = [{"role": "user", "content": "Say hello to the world, please."}]
    while time.monotonic() < until_s:
        sent_s = time.monotonic()
        first_s = 0.0
        said = ""
        async for chunk in await client.chat.completions.create(model=model, messages=messages, stream=True):
            text = chunk.choices[0].delta.content if chunk.choices else None
            if text:
                first_s = first_s or time.monotonic()
                said += text
        truth = STAMP.search(said)
        if truth is not None:
            errors_ms.append((first_s - sent_s) * 1000 - float(truth[1]))


async def main(url: str, model: str, streams: int, seconds: float) -> None:
    """All streams; the package's own limit is a thousand connections."""
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        errors_ms: list[float] = []
        until_s = time.monotonic() + seconds
        await asyncio.gather(*(stream(client, model, until_s, errors_ms) for _ in range(streams)))
    print(json.dumps(errors_ms[streams:]), flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
