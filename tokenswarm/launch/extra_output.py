"""PERF_TEST_OUTPUT: a second place for summary.json, where a CI job wants to find it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tokenswarm.errors import ConfigurationError

OUTPUT_ENV: Final = "PERF_TEST_OUTPUT"
_DEFAULT_NAME: Final = "summary.json"


def extra_output(environ: Mapping[str, str]) -> Path | None:
    """The file to write as well, if any; ConfigurationError if it can't be, so that no load is made in vain.

    A folder gets a `summary.json`. What the file holds stays until the run has ended.
    """
    named = environ.get(OUTPUT_ENV)
    if not named:
        return None
    file = Path(named)
    if file.is_dir():
        file /= _DEFAULT_NAME
    try:
        # The file is replaced by a second one beside it, so that is what must be possible.
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}."):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"{OUTPUT_ENV}: {named} can't be written: {file.parent}: {error.strerror};"
            " name a file in a folder that exists and can be written, or unset it"
        ) from None
    return file
