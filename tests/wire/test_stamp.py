"""The provider's own times, wherever they stand."""

from __future__ import annotations

import pytest

from tokenswarm.wire.kept_answer import KeptAnswer
from tokenswarm.wire.stamp import Stamp, read_stamp

FIELD = KeptAnswer(b'data: {"choices":[],"mock":{"ttft_ms":50.125,"total_ms":145.5}}\n\ndata: [DONE]\n\n')
TAIL = "and so on [mock ttft_ms=50.250 total_ms=145.750]"


def test_a_stamp_is_found_wherever_it_stands() -> None:
    """A header, the end of the text, a field of the last chunk; the first of them that is there."""
    header = {b"llm_provider-x-mock-provider-ms": b"145.5"}
    assert read_stamp(header, FIELD, TAIL) == ("header", Stamp(None, 0.1455))
    assert read_stamp({}, FIELD, TAIL) == ("text", Stamp(0.05025, 0.14575))
    assert read_stamp({}, FIELD, "") == ("field", Stamp(0.050125, 0.1455))
    assert read_stamp({}, None, "[mock total_ms=7.000]") == ("text", Stamp(None, 0.007))


def test_a_place_that_is_known_is_the_only_one_looked_at() -> None:
    """A header that appears in the middle of a run would mix two definitions."""
    assert read_stamp({b"x-mock-provider-ms": b"1"}, FIELD, TAIL, "field") == (
        "field",
        Stamp(0.050125, 0.1455),
    )
    assert read_stamp({}, FIELD, TAIL, "header") is None


@pytest.mark.parametrize("ms", [b"", b"soon", b"nan", b"inf", b"-1", b"1e300"])
def test_what_is_no_time_is_no_stamp(ms: bytes) -> None:
    """Whatever stands there, a time is finite and not negative."""
    assert read_stamp({b"x-mock-provider-ms": ms}, None, "") is None


def test_a_stamp_in_the_middle_of_a_text_is_not_one() -> None:
    """A model that quotes an earlier answer hasn't stamped this one."""
    assert read_stamp({}, None, TAIL + " he said") is None
