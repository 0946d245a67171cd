"""Starts the command: `python -m training.detect`."""

import sys

from gan_models import cli

if __name__ == "__main__":
    sys.exit(cli.main(["detect", *sys.argv[1:]]))
