"""The summary as JSON, for scripts and for comparing runs."""

from __future__ import annotations

import json
from typing import Any

from tokenswarm.report.summary import Summary


def render(summary: Summary) -> str:
    """One object, keys as in summary.py, indented for people who look."""
    plain = _rounded(summary.to_plain())
    # Intervals are many and short: on lines of their own they would fill thousands.
    timeline = plain.pop("timeline")
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=1)
    packed = json.dumps(timeline, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{text[:-2]},\n "timeline": {packed}\n}}\n'


def _rounded(value: Any) -> Any:
    """Nine digits: more than was measured, and the same on every machine."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
