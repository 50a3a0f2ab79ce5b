"""The process that monitors run in, from its input's beginning to its end."""

from __future__ import annotations

import subprocess
import sys


def test_it_ends_without_a_word_if_the_run_is_over_before_it_begins() -> None:
    """So short a run closes its input before anything was said."""
    done = subprocess.run(
        [sys.executable, "-m", "tokenswarm.monitors"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
