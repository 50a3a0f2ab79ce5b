"""What Redis answers to INFO: bytes → its fields (https://redis.io/docs/latest/commands/info/)."""

from __future__ import annotations


def parse_info(data: bytes) -> dict[str, str]:
    """Field → text, of all sections; lines that are none are passed over."""
    fields: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields[name.strip()] = value.strip()
    return fields


def number_of(text: str) -> float | None:
    """The number that a field holds, if it is one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
