"""What is said to whoever watches a command: on stderr, so that stdout holds only what was asked for."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """At once, whatever becomes of the process; Locust's log may be going to a file."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is the command line's own voice
