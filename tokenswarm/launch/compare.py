"""`tokenswarm compare`: two runs that were made before, and the exit code for a CI job."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tokenswarm.errors import ConfigurationError, ExitCode
from tokenswarm.launch.github_job import show_on_page
from tokenswarm.launch.screen import show
from tokenswarm.metrics.suggestion import not_one_of
from tokenswarm.report import compare_to_markdown, compare_to_text
from tokenswarm.report.compare import compare, refuse_unlike
from tokenswarm.report.compare_limits import Limits
from tokenswarm.report.comparison import Comparison
from tokenswarm.report.recorded import read_recorded
from tokenswarm.report.write import write_text


def _json(comparison: Comparison) -> str:
    plain = {"schema": SCHEMA, **asdict(comparison)}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


SCHEMA: Final = 1  # of a comparison in JSON
# The end of a file's name says how it is written.
FORMATS: Final[Mapping[str, Callable[[Comparison], str]]] = {
    ".md": compare_to_markdown.render,
    ".json": _json,
    ".txt": compare_to_text.render,
}


def compare_runs(
    base: Path, current: Path, limits: Sequence[str], outputs: Sequence[Path], *, anyway: bool
) -> ExitCode:
    """Show and write what has changed; returns what the process ends with."""
    for output in outputs:
        if output.suffix not in FORMATS:
            raise ConfigurationError(
                f"--output {output}: {not_one_of(output.suffix or 'no suffix', FORMATS)}"
            )
    parsed = Limits.parse(limits)
    runs = read_recorded(base), read_recorded(current)
    if not anyway:
        refuse_unlike(*runs)
    comparison = compare(*runs, parsed)
    show(compare_to_text.render, comparison, nl=False)
    for output in outputs:
        write_text(output, FORMATS[output.suffix](comparison))
    show_on_page(compare_to_markdown.render(comparison), os.environ)
    return ExitCode(comparison.exit_code)
