"""Every exception that tokenswarm raises on purpose, in one tree.

    TokenswarmError                 a message for the user; never shown as a traceback
    ├── ConfigurationError          exit 104: something the user wrote or named is wrong
    │   ├── ProfileError            a profile, SLO or target file; carries every problem found
    │   ├── ThresholdSyntaxError    one threshold line
    │   └── PreflightError          the target did not answer as an LLM endpoint should
    ├── RunFolderError              exit 104: a run folder or CSV prefix can't be read or written
    └── CallError                   a call failed: data for the record, never the end of a run
                                    (transport raises and catches it; see metrics/call.py for classes)

Messages say what, where, what is allowed and what to do:
`profiles/stress.yaml:12 stages[2].users: got -5, need ≥ 0`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells a CI job; the post-processor decides it, not Locust."""

    PASS = 0
    THRESHOLD_FAILED = 99
    BAD_CONFIGURATION = 104
    INTERRUPTED = 105
    INCONCLUSIVE = 111


class TokenswarmError(Exception):
    """Root of the tree; `exit_code` is what the command line ends with."""

    exit_code: ExitCode = ExitCode.BAD_CONFIGURATION


class ConfigurationError(TokenswarmError):
    """Something the user wrote or named is wrong; found before any load."""


class ProfileError(ConfigurationError):
    """A YAML file doesn't describe a profile, SLO or target; `problems` lists all that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ThresholdSyntaxError(ConfigurationError):
    """A threshold line can't be read; `column` is where reading stopped, from 0."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


class PreflightError(ConfigurationError):
    """The target can't be reached, refuses the key, or doesn't speak the dialect."""


class RunFolderError(TokenswarmError):
    """A run folder or a Locust CSV prefix can't be read or written."""


class CallError(TokenswarmError):
    """One call failed; `outcome` is its class from metrics/call.py, `detail` one line for the report."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
