"""Holds ended calls against the profile's `expect:` section, and counts what each check found."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tokenswarm.metrics.call import EXPECTED, SUCCESS, CallRecord
from tokenswarm.metrics.collector import Collector
from tokenswarm.metrics.measurements import CHECK_ASKED, CHECK_MET
from tokenswarm.profile.expectations import Expectations
from tokenswarm.transport.said import keep_body

_REFUSALS: Final = frozenset({"http_4xx", "rate_limited", "http_5xx"})


class Expectation:
    """One process's checks; they run after a call's times are taken."""

    def __init__(self, expectations: Expectations, collector: Collector) -> None:
        self._expectations = expectations
        self._keeps_bodies = expectations.needs_document
        self._collector = collector

    def prepare(self, record: CallRecord) -> None:
        """Have the answer kept, if a check will look into it."""
        if self._keeps_bodies and not record.stream:
            keep_body(record)

    def judge(self, record: CallRecord, elapsed_s: float) -> None:
        """Decide whether a refusal was expected, and count the checks."""
        expectations = self._expectations
        if record.outcome == SUCCESS and not expectations.checks:
            return  # as a rule: of the statuses of success all are right then
        if record.outcome in _REFUSALS and expectations.is_right_status(record.status):
            record.outcome, record.detail = EXPECTED, ""
        elif record.outcome == SUCCESS and not expectations.is_right_status(record.status):
            record.outcome = "malformed"
            record.detail = f"HTTP {record.status}, which the profile does not expect"
        if not expectations.checks or record.outcome == "interrupted":
            return
        results = expectations.results(
            record.status, record.latency_s, _document(record), stream=record.stream
        )
        for name, is_met in zip(expectations.checks, results, strict=True):
            if is_met is not None:
                self._collector.count(f"{CHECK_ASKED}/{name}", elapsed_s, record.stage)
                self._collector.count(f"{CHECK_MET}/{name}", elapsed_s, record.stage, int(is_met))
        record.body = None


def _document(record: CallRecord) -> Any:
    try:
        return orjson.loads(record.body) if record.body else None
    except orjson.JSONDecodeError:
        return None
