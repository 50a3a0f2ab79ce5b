"""`--profile-target`: samples the target's stacks in one stage, and draws a flame graph of them.

Whatever goes wrong here is a note in the report; the run goes on unharmed.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from tokenswarm.errors import ConfigurationError
from tokenswarm.metrics.source import StageSpan
from tokenswarm.monitors.process import find_processes, with_children
from tokenswarm.monitors.spec import ProcessSpec
from tokenswarm.monitors.stacks import Stack, folded, parse_folded, parse_perf_script
from tokenswarm.report.flame_graph import flame_graph

SVG: Final = "flame-graph.svg"
FOLDED: Final = "flame-graph.folded"
_HOLD: Final = "hold"
_RATE_HZ: Final = 99  # not 100, which would march in step with timers
_LONGEST_S: Final = 60.0
_SHORTEST_S: Final = 0.5
_SETTLE: Final = 0.1  # of the stage before the sampling, and as much after it
_POLL_S: Final = 0.1
_GRACE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Aim:
    """What is sampled, with what and when."""

    tool: str
    process: ProcessSpec
    stage: StageSpan

    @property
    def after_s(self) -> float:
        """From the stage's start."""
        return _SETTLE * (self.stage.end_s - self.stage.start_s)

    @property
    def lasts_s(self) -> float:
        """How long."""
        lasts_s = (1 - 2 * _SETTLE) * (self.stage.end_s - self.stage.start_s)
        return max(_SHORTEST_S, min(_LONGEST_S, lasts_s))


def aim_of(tool: str, process: ProcessSpec | None, stages: Sequence[StageSpan]) -> Aim:
    """The stage called hold, or else the longest that is judged; ConfigurationError without a process."""
    if process is None:
        raise ConfigurationError(
            "--profile-target: which process? Name it with --target-pid or --target-process, or in the"
            " target's monitor.process"
        )
    judged = [stage for stage in stages if not stage.is_warmup] or list(stages)
    longest = max(judged, key=lambda stage: stage.end_s - stage.start_s)
    return Aim(tool, process, next((stage for stage in judged if stage.name == _HOLD), longest))


class Profiler:
    """`with Profiler(aim, folder, say):` samples in the background while the block runs Locust."""

    def __init__(self, aim: Aim | None, folder: Path, say: Callable[[str], object]) -> None:
        """Without an aim it does nothing."""
        self._aim = aim
        self._folder = folder
        self._say = say
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._done: dict[str, Any] = {}

    def __enter__(self) -> Self:
        if self._aim is not None:
            tool = self._aim.tool
            if shutil.which(tool) is None:
                self._note(f"{tool} is not installed here, so there is no flame graph")
            else:
                self._thread = threading.Thread(target=self._run, args=(self._aim,), daemon=True)
                self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.wait(3 * _GRACE_S)
        if self._thread is not None and self._thread.is_alive():
            self._note("it took too long to be finished")

    @property
    def facts(self) -> dict[str, Any] | None:
        """For run.json: what was sampled and drawn, or why not; None if nothing was asked for."""
        return self._done or None

    def wait(self, timeout_s: float) -> None:
        """Until the graph is drawn, if the load goes on for so long."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _note(self, problem: str) -> None:
        aim = self._aim
        assert aim is not None, "without an aim nothing is begun"
        self._done = {"tool": aim.tool, "stage": aim.stage.name, "file": "", "samples": 0, "problem": problem}
        self._say(f"--profile-target: {problem}")

    def _run(self, aim: Aim) -> None:
        try:
            began = self._await_stage(aim.stage.name)
            if began is None or self._over.wait(aim.after_s):
                self._note(f"the run did not come to the stage {aim.stage.name}")
                return
            pids = [process.pid for process in with_children(find_processes(aim.process))]
            if not pids:
                self._note(f"{aim.process.label} has ended")
                return
            stacks = _RECORDERS[aim.tool](self, aim, pids)
            self._keep(aim, stacks, began + aim.after_s)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            self._note(str(error) or type(error).__name__)

    def _await_stage(self, name: str) -> float | None:
        """When the stage began, in seconds since the run's start; None if the run ends before."""
        events = self._folder / "events.jsonl"
        while True:
            for line in events.read_bytes().splitlines() if events.is_file() else ():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    event = orjson.loads(line)
                    if event["event"] == "stage" and event["stage"] == name:
                        return float(event["at_s"])
            if self._over.wait(_POLL_S):
                return None

    def _keep(self, aim: Aim, stacks: Counter[Stack], at_s: float) -> None:
        samples = stacks.total()
        if not samples:
            self._note(f"{aim.tool} saw {aim.process.label} do nothing in {aim.lasts_s:g} s")
            return
        (self._folder / FOLDED).write_text(folded(stacks), encoding="utf-8")
        subtitle = f"{samples} samples of {aim.process.label} in stage {aim.stage.name}, by {aim.tool}"
        (self._folder / SVG).write_text(flame_graph(stacks, "Flame graph", subtitle), encoding="utf-8")
        self._done = {
            "at_s": round(at_s, 3),
            "tool": aim.tool,
            "stage": aim.stage.name,
            "lasts_s": round(aim.lasts_s, 3),
            "samples": samples,
            "file": SVG,
            "problem": "",
        }

    def _record(self, command: Sequence[str], lasts_s: float) -> str:
        """Run the tool to its end, or until the load is over; returns what it said if it failed."""
        # The command is built here from checked parts; no shell is involved.
        with subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            until_s = time.monotonic() + lasts_s + _GRACE_S
            while child.poll() is None and time.monotonic() < until_s and not self._over.wait(_POLL_S):
                pass
            if child.poll() is None:
                child.send_signal(signal.SIGINT)  # both write what they have
            try:
                _, said = child.communicate(timeout=_GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                _, said = child.communicate()
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return lines[0] if child.returncode and lines else ""

    def _perf(self, aim: Aim, pids: Sequence[int]) -> Counter[Stack]:
        data = self._folder / "perf.data"
        command = ["perf", "record", "-q", "-F", str(_RATE_HZ), "-g", "-p", ",".join(map(str, pids))]
        try:
            said = self._record([*command, "-o", str(data), "--", "sleep", f"{aim.lasts_s:g}"], aim.lasts_s)
            if not data.is_file():
                raise OSError(f"perf: {said or 'it recorded nothing'}")
            read = subprocess.run(  # noqa: S603 - as above
                ["perf", "script", "-i", str(data)],  # noqa: S607 - the user's own perf
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=2 * _GRACE_S,
                check=False,
            )
        finally:
            data.unlink(missing_ok=True)  # megabytes, and of no use on another machine
        return parse_perf_script(read.stdout)

    def _py_spy(self, aim: Aim, pids: Sequence[int]) -> Counter[Stack]:
        # Nonblocking: a target that is halted for each sample is not the one that is under load.
        raw = self._folder / "py-spy.raw"
        roots = find_processes(aim.process)
        command = ["py-spy", "record", "--nonblocking", "--subprocesses", "--format", "raw"]
        command += ["--rate", str(_RATE_HZ), "--duration", str(max(1, round(aim.lasts_s)))]
        del pids  # it finds the children itself
        try:
            said = self._record([*command, "--output", str(raw), "--pid", str(roots[0].pid)], aim.lasts_s)
            if not raw.is_file():
                raise OSError(f"py-spy: {said or 'it recorded nothing'}")
            return parse_folded(raw.read_bytes())
        finally:
            raw.unlink(missing_ok=True)


_RECORDERS: Final = {"perf": Profiler._perf, "py-spy": Profiler._py_spy}
