"""Reads a run folder: run.json, our measurements, what happened when, and Locust's own count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from tokenswarm.errors import RunFolderError
from tokenswarm.metrics.measurements import Measurements
from tokenswarm.metrics.source import StageSpan
from tokenswarm.report.locust_count import aggregated_requests
from tokenswarm.report.run_facts import RunFacts
from tokenswarm.report.run_lines import RunEvent, delta_of, event_of, sample_of

_FACTS: Final = "run.json"
# Users are told to stop when the last stage ends; until all have heard it is no early end.
_LATE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it really went. The stages of `measurements` end where the run did."""

    folder: Path
    facts: RunFacts
    measurements: Measurements
    events: tuple[RunEvent, ...]
    ended_s: float  # when users were told to stop, or the last that is known of a killed run
    locust_requests: int | None
    missing: tuple[str, ...]  # what an unfinished run left out
    damaged: tuple[str, ...]  # what can't be read, and so isn't counted

    def event(self, name: str) -> RunEvent | None:
        """The first event of that name."""
        return next((event for event in self.events if event.name == name), None)

    @property
    def aborted(self) -> RunEvent | None:
        """The event that a threshold ended the run with, if one did."""
        stopped = self.event("stopped")
        return stopped if stopped is not None and stopped.details.get("reason") == "aborted" else None

    @property
    def unreached_stages(self) -> tuple[StageSpan, ...]:
        """Stages of the plan that the run did not come to."""
        ran = {stage.name for stage in self.measurements.stages}
        return tuple(stage for stage in self.facts.stage_spans if stage.name not in ran)


def read_run(folder: Path) -> Run:
    """The run in a folder; RunFolderError if there is none, or one that can't be understood."""
    facts = _facts(folder)
    log = _Log(folder)
    measurements = Measurements(facts.stage_spans, facts.width_s)
    log.each("intervals.jsonl", lambda row: measurements.take(delta_of(row)))
    measurements.settle()
    log.each("samples.jsonl", lambda row: measurements.samples.append(sample_of(row, facts.width_s)))
    events: list[RunEvent] = []
    log.each("events.jsonl", lambda row: events.append(event_of(row, facts.width_s)))
    stopped = next((event for event in events if event.name == "stopped"), None)
    ended_s = stopped.at_s if stopped is not None else _last_known_s(measurements, events)
    measurements.set_stages(_really_ran(facts, ended_s))
    if stopped is None:
        log.missing.append("events.jsonl does not say that the run stopped: it was killed, or is still going")
    return Run(
        folder,
        facts,
        measurements,
        tuple(events),
        ended_s,
        aggregated_requests(folder / "locust_stats.csv"),
        tuple(log.missing),
        tuple(log.damaged),
    )


def _facts(folder: Path) -> RunFacts:
    if not folder.is_dir():
        hint = ""
        if folder.with_name(f"{folder.name}_stats.csv").is_file():
            hint = f"; {folder}_stats.csv is Locust's, so give {folder} as a CSV prefix"
        raise RunFolderError(f"{folder}: no such folder{hint}")
    file = folder / _FACTS
    try:
        data = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        raise RunFolderError(
            f"{folder}: not a run folder, there is no {_FACTS} in it; `tokenswarm run` writes run folders"
            " into reports/"
        ) from None
    except OSError as error:
        raise RunFolderError(f"{file}: can't be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise RunFolderError(f"{file}: not JSON: {error}") from None
    return RunFacts.from_json(data, file)


class _Log:
    """Files of one JSON object a line, and what was wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.missing: list[str] = []
        self.damaged: list[str] = []

    def each(self, name: str, take: Callable[[Any], object]) -> None:
        """Hand on every line that can be read, and remember those that can't."""
        bad: list[int] = []
        last = 0
        for last, line in enumerate(self._lines(name), start=1):
            try:
                take(orjson.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                bad.append(last)
        if not bad:
            return
        # A killed run leaves half a line at the end; anywhere else it means that data is lost.
        if bad == [last]:
            self.missing.append(f"{name}: line {last}, the last one, is cut off and left out")
        else:
            self.damaged.append(
                f"{name}: {len(bad)} of {last} lines can't be read, the first is line {bad[0]}"
            )

    def _lines(self, name: str) -> Iterator[bytes]:
        try:
            with (self._folder / name).open("rb") as file:
                yield from (line for line in file if line.strip())
        except FileNotFoundError:
            self.missing.append(f"{name} is missing")
        except OSError as error:
            raise RunFolderError(f"{self._folder / name}: can't be read: {error.strerror}") from None


def _last_known_s(measurements: Measurements, events: list[RunEvent]) -> float:
    intervals = ((key.interval + 1) * measurements.width_s for key, _ in measurements.each())
    samples = (sample.at_s for sample in measurements.samples)
    return max((*intervals, *samples, *(event.at_s for event in events)), default=0.0)


def _really_ran(facts: RunFacts, ended_s: float) -> tuple[StageSpan, ...]:
    """The stages as far as the run went.

    Users call until they are told to stop, which is a moment after the last stage's planned end: what they
    begin then is counted in that stage, and so is the time. Open arrivals end where the schedule does.
    """
    plan = facts.stage_spans
    goes_on = plan[-1:] if not facts.is_open else ()
    return tuple(
        replace(stage, end_s=ended_s)
        if stage.end_s > ended_s + _LATE_S or (stage in goes_on and stage.end_s < ended_s)
        else stage
        for stage in plan
        if stage.start_s < ended_s
    )
