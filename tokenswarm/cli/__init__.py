"""The command line. Each verb hands over to the package that does it."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import click

from tokenswarm import __version__
from tokenswarm.cli import load, prepare, read
from tokenswarm.errors import ExitCode, TokenswarmError
from tokenswarm.mock.command import mock


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def commands() -> None:
    """Load tests for LLM gateways and proxies, on Locust, with verdicts.

    \b
    Exit codes: 0 pass, 99 a threshold failed, 104 bad configuration,
    105 interrupted, 111 inconclusive or invalid.
    """


for _verb in (
    load.run,
    load.quick,
    load.ab,
    load.suite,
    load.web,
    load.web_password,
    load.worker,
    read.report,
    read.compare,
    read.trend,
    read.capacity,
    prepare.check,
    prepare.doctor,
    prepare.init,
    prepare.schema,
    mock,
):
    commands.add_command(_verb)


# What a path on the command line can be: without rights, too long, going round, or through a file.
_BAD_NAMES: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR})
_LONGEST_NAME: Final = 300


def main() -> None:
    """Run the command line; a user's mistake is one clear message and exit code 104."""
    # What stops a container or a CI job ends us as Ctrl-C does: cleaned up, and without a traceback.
    _on_interruption(signal.default_int_handler)
    try:
        code = commands.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = ExitCode.BAD_CONFIGURATION
    except (click.Abort, KeyboardInterrupt):
        _on_interruption(signal.SIG_IGN)
        # An interruption inside code that a library made from a string (dataclasses do, while they are
        # imported) leaves a mark with which CPython kills itself by SIGINT at its end; new code clears it.
        exec("")  # noqa: S102 - nothing is executed
        click.echo("tokenswarm: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except TokenswarmError as error:
        click.echo(f"tokenswarm: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        if error.errno not in _BAD_NAMES or error.filename is None:
            raise
        click.echo(f"tokenswarm: {str(error.filename)[:_LONGEST_NAME]}: {error.strerror}", err=True)
        code = ExitCode.BAD_CONFIGURATION
    # What is left is Python's own end. There CPython takes our handler away, and one more signal, such as
    # whoever is impatient sends, would kill us: instead of our exit code there would be that of the signal.
    _on_interruption(signal.SIG_IGN)
    sys.exit(int(code or 0))


def _on_interruption(handler: signal.Handlers | Callable[[int, FrameType | None], Any]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
