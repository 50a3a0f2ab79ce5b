"""Run `python -m tokenswarm.mock gateway`: the mock without the rest of tokenswarm, which starts faster."""

from __future__ import annotations

import sys

import click

from tokenswarm.errors import ExitCode, TokenswarmError
from tokenswarm.mock.command import mock


def main() -> int:
    try:
        mock.main(prog_name="python -m tokenswarm.mock", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_CONFIGURATION
    except TokenswarmError as error:
        sys.stderr.write(f"tokenswarm: {error}\n")
        return error.exit_code
    return ExitCode.PASS


if __name__ == "__main__":
    sys.exit(main())
