"""`python -m training.publish`: the command in training/commands/publish.py."""

import sys

from gan_models import cli

if __name__ == "__main__":
    sys.exit(cli.main(["publish", *sys.argv[1:]]))
