"""Writes what an A/B comparison found into its folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tokenswarm.report import ab_to_html, ab_to_markdown
from tokenswarm.report.ab import AbResult
from tokenswarm.report.write import write_text


def _render_json(result: AbResult) -> str:
    return json.dumps(result.to_plain(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


AB_REPORTS: Final[Mapping[str, Callable[[AbResult], str]]] = {
    "ab.json": _render_json,
    "ab.html": ab_to_html.render,
    "ab.md": ab_to_markdown.render,
}


def write_ab(folder: Path, result: AbResult) -> None:
    """Write every report; RunFolderError if one can't be."""
    for name, render in AB_REPORTS.items():
        write_text(folder / name, render(result))
