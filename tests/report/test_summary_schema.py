"""summary.json is valid against the schema that is shipped, and the schema is the model's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokenswarm.report import to_json
from tokenswarm.report.run_folder import read_run
from tokenswarm.report.summarise import summarise_run
from tokenswarm.report.summary_schema import FILE, as_text, read_schema, schema_of_model

from .conftest import write_csv_reports

RunMaker = Callable[..., Path]
GOLDEN = Path(__file__).parents[1] / "golden" / "report"


def closed(node: Any) -> Any:
    """The schema with no room for keys that it doesn't name: our own files must not have any."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    shut = {key: closed(value) for key, value in node.items()}
    return {**shut, "additionalProperties": False} if "properties" in node else shut


def test_the_shipped_schema_is_that_of_the_model(check_golden: Callable[[Path, str], None]) -> None:
    """A key that is renamed or removed, or changes its type, needs a new schema number."""
    check_golden(FILE, as_text(schema_of_model()))
    jsonschema.Draft202012Validator.check_schema(read_schema())


@pytest.mark.parametrize(
    "script", [{"incident_share": 0.3}, {"lost": ("worker-2",)}, {"streaming": 0.0, "slo": None}]
)
def test_summaries_of_runs_are_valid(make_run: RunMaker, script: dict[str, Any]) -> None:
    """With failures, without trust, without streams."""
    text = to_json.render(summarise_run(read_run(make_run(**script))))
    jsonschema.Draft202012Validator(closed(read_schema())).validate(json.loads(text))


def test_the_summary_of_a_plain_locust_run_is_valid(tmp_path: Path) -> None:
    """It has less in it, and no key too many."""
    write_csv_reports(GOLDEN / "locust" / "failing", output=tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(closed(read_schema())).validate(summary)


def test_a_summary_of_another_schema_is_told_apart() -> None:
    """Its number is part of the schema, and so are the types."""
    summary = json.loads((GOLDEN / "incident.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(read_schema())
    assert validator.is_valid(summary)
    assert validator.is_valid({**summary, "new_key": 1})
    assert not validator.is_valid({**summary, "schema": 2})
    assert not validator.is_valid({**summary, "spreads": [{"metric": "latency"}]})
