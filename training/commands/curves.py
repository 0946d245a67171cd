"""The curves of one run or several as one picture: `python -m training.curves RUN_FOLDER [RUN_FOLDER ...] --output
curves.png`."""

import argparse
from pathlib import Path

from .. import cli


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.curves", description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_FOLDER", help="one run, or several to compare")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the PNG to write")
    options = parser.parse_args(arguments)
    from ..curves import CurvesError, plot_runs, read_run  # with torch, which --help does not need

    runs = [read_run(folder) for folder in options.runs]
    try:
        plot_runs(runs, options.output)
    except OSError as error:
        raise CurvesError(f"{options.output} cannot be written ({error.strerror or error}).") from error
