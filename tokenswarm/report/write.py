"""Writes every report of a run where it belongs, each whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tokenswarm.errors import RunFolderError
from tokenswarm.report import to_html, to_json, to_junit, to_markdown
from tokenswarm.report.locust_tables import with_suffix
from tokenswarm.report.summary import Summary

# A new format is one more to_*.py and one more row.
REPORTS: Final[Mapping[str, Callable[[Summary], str]]] = {
    "summary.json": to_json.render,
    "report.html": to_html.render,
    "report.md": to_markdown.render,
    "junit.xml": to_junit.render,
}


def write_into(folder: Path, summary: Summary) -> None:
    """Write every report of a run folder; RunFolderError if one can't be."""
    for name, render in REPORTS.items():
        write_text(folder / name, render(summary))


def write_json(file: Path, summary: Summary) -> None:
    """Write what summary.json holds to a place of the user's choice; RunFolderError if it can't be."""
    write_text(file, to_json.render(summary))


def write_beside(prefix: Path, summary: Summary, output: Path | None = None) -> None:
    """Write every report beside Locust's files, as PREFIX_report.html, or into `output`."""
    if output is not None:
        _make(output)
    for name, render in REPORTS.items():
        write_text(output / name if output is not None else with_suffix(prefix, f"_{name}"), render(summary))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{folder}: can't be made: {error.strerror}") from None


def write_text(file: Path, text: str) -> None:
    """Write a whole file or none; RunFolderError if it can't be."""
    # A report that is read while it is written anew must be one or the other, never half of each.
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise RunFolderError(f"{file}: can't be written: {error.strerror}") from None
