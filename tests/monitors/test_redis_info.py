"""What Redis says of itself, from bytes."""

from __future__ import annotations

from tokenswarm.monitors.redis_info import number_of, parse_info


def test_fields_of_all_sections_are_read() -> None:
    """Sections, blank lines and fields with colons in their values are all normal."""
    info = (
        b"# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n\r\n"
        b"# Keyspace\r\ndb0:keys=3,expires=0\r\nexecutable:/a:b\r\n"
    )
    fields = parse_info(info)
    assert number_of(fields["used_memory"]) == 1_048_576
    assert fields["db0"] == "keys=3,expires=0"
    assert fields["executable"] == "/a:b"


def test_rubbish_is_no_field() -> None:
    """A proxy that answers something else gives nothing, and no error."""
    assert parse_info(b"\xff\x00 no field here") == {}
    assert number_of("1.00M") is None
    assert number_of("inf") is None
