"""The JSON Schema of summary.json: shipped as a file, and made from the model so that it can't lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from tokenswarm.report.summary import SCHEMA, Summary

FILE: Final = Path(__file__).parent / "schemas" / f"summary-{SCHEMA}.json"


def read_schema() -> dict[str, Any]:
    """The schema as it is shipped."""
    schema: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return schema


def schema_of_model() -> dict[str, Any]:
    """The schema as the model gives it. Keys that came later are optional, and unknown ones are allowed."""
    schema = _untitled(TypeAdapter(Summary).json_schema(mode="serialization"))
    schema["properties"]["schema"] = {"const": SCHEMA}
    schema["required"].append("schema")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"summary.json of tokenswarm, schema {SCHEMA}",
        **schema,
    }


def as_text(schema: dict[str, Any]) -> str:
    """As the file has it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _untitled(node: Any) -> Any:
    """Without the titles and defaults that pydantic makes of names and of Python: they say nothing new."""
    if isinstance(node, list):
        return [_untitled(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _untitled(one) for name, one in value.items()}
        if key in ("properties", "$defs")
        else _untitled(value)
        for key, value in node.items()
        if key not in ("title", "default")
    }
