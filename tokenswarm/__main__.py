"""Run `python -m tokenswarm` as the console script does."""

import sys

try:
    from tokenswarm.cli import main
except KeyboardInterrupt:  # imports take a moment
    exec("")  # noqa: S102 - see cli.main
    sys.exit(105)

if __name__ == "__main__":
    main()
