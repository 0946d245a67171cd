"""Put a trained model into the package: `python -m training.bundle runs/mnist-cgan/model mnist-cgan`."""

import argparse
from pathlib import Path

from .. import cli


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.bundle", description=__doc__.partition("\n")[0])
    parser.add_argument("model_folder", type=Path, help="such as runs/mnist-cgan/model")
    parser.add_argument("name", help="the name for gan_models.load()")
    options = parser.parse_args(arguments)
    from ..bundle import bundle  # with torch, which --help does not need

    print(bundle(options.model_folder, options.name))
