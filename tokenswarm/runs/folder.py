"""Makes the folder of one run and keeps its run.json: what was run, and how it ended."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from tokenswarm.errors import RunFolderError

SCHEMA: Final = 1


class RunJson:
    """run.json of one folder; written whole each time, by way of a second file, so that it is never half."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = {
            "schema": SCHEMA,
            "started_at": _now(),
            "ended_at": None,
            "state": "running",
            "locust_exit_code": None,
            "mock": None,
            **facts,
        }
        self.write()

    def end(self, state: str, **facts: Any) -> None:
        """Record how the run ended."""
        self.facts.update(state=state, ended_at=_now(), **facts)
        self.write()

    def write(self) -> None:
        """Write all facts as they are now; RunFolderError if there is no room, or no folder any more."""
        file = self.folder / "run.json"
        draft = self.folder / "run.json.new"
        try:
            draft.write_bytes(orjson.dumps(self.facts, option=orjson.OPT_INDENT_2))
            draft.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise RunFolderError(f"{file}: can't be written: {error.strerror}") from None


def make_folder(reports: Path, profile: str) -> Path:
    """A new `<time>-<profile>` folder for a run; RunFolderError if it can't be made."""
    folder = new_folder(reports, profile)
    fill_folder(folder)
    return folder


def fill_folder(folder: Path) -> None:
    """Make a folder into one that a run can write to; RunFolderError if that can't be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "events.jsonl").touch()
    except OSError as error:
        raise RunFolderError(f"{folder}: can't write there ({error.strerror}); name another folder") from None


def new_folder(reports: Path, name: str) -> Path:
    """A new, empty `<time>-<name>` folder; RunFolderError if it can't be made."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        suffix = f"-{attempt + 1}" if attempt else ""
        folder = reports / f"{stamp}-{name}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not reports.is_dir():
                raise RunFolderError(f"--reports {reports}: not a folder; name another") from None
            continue  # two runs within one second
        except OSError as error:
            raise RunFolderError(
                f"--reports {reports}: can't write there ({error.strerror}); name another folder"
            ) from None
        return folder
    raise RunFolderError(f"--reports {reports}: a hundred runs began in this second; try again")


def last_events(folder: Path) -> dict[str, dict[str, Any]]:
    """The last event of each name in events.jsonl; half a line, as a killed run leaves, is none."""
    found: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(OSError):
        for line in (folder / "events.jsonl").read_bytes().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                event = orjson.loads(line)
                found[event["event"]] = event
    return found


def state_at_end(events: Mapping[str, Mapping[str, Any]], exit_code: int, *, was_interrupted: bool) -> str:
    """What run.json calls the end, from the last events, Locust's exit code and whether we got a signal."""
    # A signal that killed Locust took what it had not written yet, whatever it said before.
    is_whole = "drained" in events and exit_code >= 0
    # One that came to us when all was measured has interrupted nothing.
    if is_whole and not (was_interrupted and events.get("stopped", {}).get("reason") == "interrupted"):
        return "finished"
    return "interrupted" if was_interrupted else "failed"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
