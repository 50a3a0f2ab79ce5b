"""LLM load tools to measure ours beside: how each is started, and what it says of first tokens.

Each is in an environment of its own, which `make bench-peers` makes; who isn't there is left out and named.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("TOKENSWARM_PEERS", HERE.parent / ".venv-peers"))
PROMPT = "Say hello to the world, please."
# What the mock writes at the end of its text with `stamp=1`: its own time to the first token.
STAMP = re.compile(r"\[mock ttft_ms=([0-9.]+) ")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a peer is to do, and where it may write."""

    url: str
    model: str
    streams: int
    seconds: int
    place: Path


@dataclass(frozen=True, slots=True)
class Peer:
    """`errors_ms` reads, once it has ended, by how much each of its first tokens is later than in truth."""

    name: str
    program: str  # in its environment, relative to FOLDER
    command: Callable[[Asked], list[str]]
    errors_ms: Callable[[Path, str], list[float]]

    @property
    def path(self) -> Path:
        return FOLDER / self.program


def openai_command(asked: Asked) -> list[str]:
    script = str(HERE / "peers" / "openai_sdk.py")
    return [script, asked.url, asked.model, str(asked.streams), str(asked.seconds)]


def openai_errors(_: Path, output: str) -> list[float]:
    return [float(error) for error in json.loads(output.splitlines()[-1])]


def aiperf_command(asked: Asked) -> list[str]:
    (asked.place / "in.jsonl").write_text(json.dumps({"text": PROMPT}) + "\n")
    told: Sequence[str] = (
        *("profile", "--model", asked.model, "--url", asked.url, "--endpoint-type", "chat", "--streaming"),
        *("--concurrency", str(asked.streams), "--benchmark-duration", str(asked.seconds)),
        *("--tokenizer", _tokenizer("aiperf", asked.place), "--use-server-token-count"),
        *("--input-file", str(asked.place / "in.jsonl"), "--custom-dataset-type", "single_turn"),
        *("--ui", "none", "--export-outputs-json", "--artifact-dir", str(asked.place / "aiperf")),
    )
    return list(told)


def aiperf_errors(place: Path, _: str) -> list[float]:
    rows = json.loads((place / "aiperf" / "outputs.json").read_text())["data"]
    return list(_errors((row["metrics"].get("time_to_first_token"), row["response_text"]) for row in rows))


def guidellm_command(asked: Asked) -> list[str]:
    (asked.place / "in.txt").write_text(f"{PROMPT}\n" * 1000)
    backend = f"kind=openai_http,target={asked.url},model={asked.model},validate_backend=false"
    told: Sequence[str] = (
        *("run", "--backend", backend, "--profile", f"kind=concurrent,streams={asked.streams}"),
        *("--constraint", f"kind=max_duration,seconds={asked.seconds}", "--disable-console"),
        *("--tokenizer", f"kind=huggingface_auto,model={_tokenizer('guidellm', asked.place)}"),
        *("--data", f"kind=text_file,path={asked.place / 'in.txt'}"),
        *("--output", f"kind=json,path={asked.place / 'guidellm.json'}"),
    )
    return list(told)


def guidellm_errors(place: Path, _: str) -> list[float]:
    (run,) = json.loads((place / "guidellm.json").read_text())["benchmarks"]
    rows = run["requests"]["successful"]
    return list(_errors((row["time_to_first_token_ms"], row["output"]) for row in rows))


def _errors(rows: Iterable[tuple[float | None, str]]) -> Iterable[float]:
    for ttft_ms, text in rows:
        truth = STAMP.search(text or "")
        if ttft_ms is not None and truth is not None:
            yield ttft_ms - float(truth[1])


def _tokenizer(peer: str, place: Path) -> str:
    """A folder with a tokenizer, made by the libraries that the peer brings along."""
    python, folder = FOLDER / peer / "bin" / "python", place / "tokenizer"
    command = [str(python), str(HERE / "peers" / "word_tokenizer.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return str(folder)


PEERS = (
    Peer("openai SDK, asyncio", "openai/bin/python", openai_command, openai_errors),
    Peer("aiperf", "aiperf/bin/aiperf", aiperf_command, aiperf_errors),
    Peer("guidellm", "guidellm/bin/guidellm", guidellm_command, guidellm_errors),
)
