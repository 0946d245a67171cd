"""Say in plain words what goes wrong in a training, live and afterwards: `python -m training.watch RUN_FOLDER`."""

import argparse
from pathlib import Path

from .. import cli


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.watch", description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a run's folder")
    folder = parser.parse_args(arguments).run
    from ..curves import read_run
    from ..settings import recipe_of_run  # with torch, which --help does not need
    from ..watch import Watch

    run = read_run(folder)
    watch = Watch(recipe_of_run(folder))
    verdicts = [verdict for line in run.lines for verdict in watch(line)]
    for verdict in verdicts:
        print(f"{verdict.images:>11,} images: {verdict.sentence}")
    if not verdicts:
        print(f"Nothing to remark in {run.lines[-1]['images']:,} images.")
