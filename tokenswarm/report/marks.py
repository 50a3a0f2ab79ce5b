"""The sign that stands for a status, an outcome or a check's state where there are no colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MARKS: Final[Mapping[str, str]] = {
    "pass": "✅",
    "good": "✅",
    "warn": "⚠️",
    "warning": "⚠️",
    "fail": "❌",
    "bad": "❌",
    "invalid": "❌",
    "inconclusive": "❔",
    "interrupted": "❔",
    "not_measured": "➖",
    "note": "ℹ️",
}
