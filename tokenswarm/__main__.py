"""Run `python -m tokenswarm` as the console script does."""

from tokenswarm.cli import main

if __name__ == "__main__":
    main()
