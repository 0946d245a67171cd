"""Sample a model: `python -m gan_models mnist-cgan --seed 3 --labels 7 --output grid.png`, the same as `gan-studio
sample`. Its arguments are in gan_models/commands/sample.py."""

import sys

from . import cli


def main(arguments: list[str] | None = None) -> int:
    """Draw the samples that the arguments ask for. Returns the exit status, as cli.run does."""
    return cli.main(["sample", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
