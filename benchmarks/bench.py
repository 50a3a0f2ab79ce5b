"""How fast and how exact tokenswarm is beside its peers, in one run: `make bench`, or with ARGS=--quick.

    python benchmarks/bench.py [--quick] [--only SECTION] [--rounds N] [--json FILE]

Target and generator have a core each where there are two. Contestants take turns, round by round; figures are
medians, and ratios are formed within each round. CPU is what the operating system says that a process and its
children used: other work on the machine moves it less than it moves wall-clock time, but move it it does.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bench_calls
import bench_own
import bench_streams
import late_reader
import parts
import psutil
from bench_process import CORES


def main() -> None:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="a round of everything but LLM peers, in about a minute"
    )
    parser.add_argument("--only", choices=["calls", "streams", "parts", "own", "late"], action="append")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--json", type=Path, default=Path("reports/bench.json"))
    options = parser.parse_args()
    quick = options.quick
    rounds = options.rounds or (1 if quick else 3)
    sections: dict[str, Callable[[], Any]] = {
        "calls": lambda: bench_calls.measured(rounds, 1.5 if quick else 5.0),
        "streams": lambda: bench_streams.measured(
            [100] if quick else [100, 400, 1000],
            options.rounds or 1,  # with its peers a round takes ten minutes
            3.0 if quick else 8.0,
            with_peers=not quick,
        ),
        "parts": lambda: parts.measured(3 if quick else 7),
        "own": lambda: bench_own.measured(1 if quick else rounds, 1_000 if quick else 10_000),
        "late": lambda: late_reader.measured(2.0 if quick else 6.0),
    }
    found: dict[str, Any] = {"machine": machine()}
    for name, measure in sections.items():
        if not options.only or name in options.only:
            began_s = time.monotonic()
            found[name] = measure()
            print("\n".join(SHOWN[name](found[name])), flush=True)
            print(f"({name} took {time.monotonic() - began_s:.0f} s)\n", flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"all figures: {options.json}")


def machine() -> dict[str, Any]:
    """What it was measured on, and how busy that was before."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": len(CORES),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "locust": version("locust"),
        "gevent": version("gevent"),
        "load_before": [round(load, 1) for load in psutil.getloadavg()],
    }


def show_calls(found: Mapping[str, Any]) -> Iterator[str]:
    if "skipped" in found:
        yield f"calls: skipped, {found['skipped']}"
        return
    yield f"{'whole calls, 40 users, nginx':<32}{'µs CPU':>8}{'per CPU s':>12}{'÷ ours':>8}{'goal':>8}"
    for name, row in found["rows"].items():
        goal = "" if row["goal"] is None else f"≥ {row['goal']:g}"
        missed = "" if row["goal"] is None or row["ours_times"] >= row["goal"] else "  missed"
        figures = f"{row['us']:>8.1f}{row['calls_per_cpu_s']:>12,}{row['ours_times']:>8.2f}"
        yield f"{name:<32}{figures}{goal:>8}{missed}"
    yield from (f"{name}: skipped, {why}" for name, why in found["absent"].items())


def show_streams(found: Mapping[str, Any]) -> Iterator[str]:
    goals = bench_streams.GOALS
    yield f"{'streams of 64 tokens, 20 ms apart':<39}" + "events/CPU s  cores  TTFT error  p99, ms"
    for streams, rows in found.items():
        for name, row in rows.items():
            label = f"{streams:>5} {name}"
            if "skipped" in row:
                yield f"{label:<39}skipped, {row['skipped']}"
                continue
            missed = ""
            if name == bench_streams.OURS:
                off = [
                    what
                    for what, is_met in (
                        ("events", row["events_per_cpu_s"] >= goals["events_per_cpu_s"]),
                        ("mean error", row["mean_ms"] <= goals["mean_ms"] or streams != "100"),
                        ("p99 error", row["p99_ms"] <= goals["p99_ms"] or streams != "100"),
                    )
                    if not is_met
                ]
                missed = f"  missed: {', '.join(off)}" if off else "  goals met"
            yield (
                f"{label:<39}{row['events_per_cpu_s']:>13,}{row['cores']:>7.2f}"
                f"{row['mean_ms']:>12.2f}{row['p99_ms']:>9.2f}{missed}"
            )


def show_parts(found: Mapping[str, Any]) -> Iterator[str]:
    for what, rows in found.items():
        yield f"{what}, µs of CPU by part"
        yield from (f"  {name:<38}{us:7.2f}" for name, us in rows.items())
        yield f"  {'together':<38}{sum(rows.values()):7.2f}"


def show_own(found: Mapping[str, Any]) -> Iterator[str]:
    for what, row in found.items():
        yield f"{what:<12}" + ", ".join(f"{name} {value}" for name, value in row.items())


def show_late(found: Mapping[str, Any]) -> Iterator[str]:
    for name, row in found.items():
        yield f"busy core, first token by the clock of the {name:<8}" + ", ".join(
            f"{key} {value}" for key, value in row.items()
        )


SHOWN: dict[str, Callable[[Any], Iterator[str]]] = {
    "calls": show_calls,
    "streams": show_streams,
    "parts": show_parts,
    "own": show_own,
    "late": show_late,
}

if __name__ == "__main__":
    main()
