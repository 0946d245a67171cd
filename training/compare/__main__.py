"""Compare recipes under one protocol: `python -m training.compare mnist-mlp mnist-dcgan --minutes 5 --seeds 3`.

Every recipe is trained once per seed, each run for equal compute time (--minutes) or for equally many real images
(--images), by the same code as `python -m training`. Then each run is evaluated as by `python -m training.evaluate`, and
docs/results.md is written, with mean and standard deviation over the seeds, uncurated samples and curves.

A row may have its own name and settings: `mnist-dcgan rms=mnist-dcgan,optimiser=rmsprop` are two rows.

Compute time is that of the training steps alone: on a CPU the CPU time of this process (all its threads), on which other
work on the machine has little effect; on a GPU the wall time. Start-up, decoding, checkpoints, sample grids and FID do
not count.

The comparison may be stopped at any moment, and the same command continues: finished runs and evaluations are not
repeated. Several processes with the same --work share the runs. Each run is a folder WORK/ROW/seed-S, as written by
`python -m training`, with evaluation.json in it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gan_models.cli import missing

from .. import cli
from ..choices import PRECISIONS
from . import STOPPED

if TYPE_CHECKING:
    from .protocol import Method


def main(arguments: list[str] | None = None, method: Method | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: compare(parse(arguments), method), stopped=STOPPED)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="+", metavar="RECIPE", help="the rows, in order: [NAME=]RECIPE[,KEY=VALUE...]")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, metavar="M", help="compute time of each run (default: 5)")
    length.add_argument("--images", type=int, metavar="N", help="or the number of real images of each run")
    parser.add_argument(
        "--seeds", type=_seeds, default=(0, 1, 2), metavar="N|A,B,...", help="how many, or which (default: 3)"
    )
    parser.add_argument(
        "--samples", type=int, metavar="N", help="pictures for the evaluation (default: evaluate's, mostly 10000)"
    )
    parser.add_argument(
        "--cas", action="store_true", help="also the classification accuracy score, for data with classes (slow)"
    )
    parser.add_argument(
        "--reach", type=float, default=5.0, metavar="FID", help="record the time until this FID (default: 5)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change all recipes; may be repeated"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="auto: bf16 if the device is faster with it"
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="the folder of data sets (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/compare"),
        metavar="DIR",
        help="the folder of runs (default: runs/compare)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("docs/results.md"), metavar="FILE", help="default: docs/results.md"
    )
    parser.add_argument("--evaluate-again", action="store_true", help="repeat evaluations that were made before")
    parser.add_argument("--write-only", action="store_true", help="write the results of existing runs; train nothing")
    options = parser.parse_args(arguments)
    if options.minutes is None and options.images is None:
        options.minutes = 5.0
    if not 0 < (options.minutes if options.images is None else options.images) < float("inf"):
        parser.error("--minutes must be more than 0, and --images at least 1")
    if options.samples is not None and options.samples < 2:
        parser.error("--samples must be at least 2")
    return options


def _seeds(text: str) -> tuple[int, ...]:
    """3 -> (0, 1, 2); 4,7 -> (4, 7); 5, -> (5,)"""
    seeds = tuple(int(word) for word in text.split(",") if word) if "," in text else tuple(range(int(text)))
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError("must be a number of seeds, or different seeds with commas between them")
    return seeds


def compare(options: argparse.Namespace, method: Method | None) -> None:
    """Do the missing runs, then write the results."""
    import torch  # which --help does not need

    from ..run.plan import open_data
    from ..starting import build_state
    from . import page, runs
    from .protocol import Goal, Method

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise runs.CompareError("A comparison is made by one process: start it without accelerate or torchrun.")
    if importlib.util.find_spec("matplotlib") is None:
        raise runs.CompareError(missing("matplotlib"))
    goal = Goal(options.minutes, options.images)
    rows = [runs.parse_row(text, options.set) for text in options.rows]
    for row in rows:
        if sum(row.name == other.name for other in rows) > 1:
            raise runs.CompareError(f"Two rows are called {row.name}; name one of them: NAME={row.base},KEY=VALUE.")
    datasets = {}
    for row in rows:  # missing data and wrong settings raise now, not after hours
        datasets[row.name] = open_data(row.recipe, runs.training_options(row, 0, goal, options.work, options))
        build_state(row.recipe, datasets[row.name], 0, torch.device("cpu"))
    unjudged = {} if options.write_only else runs.do_runs(rows, datasets, goal, options, method or Method())
    found = [
        runs.outcome(
            row, seed, goal, runs.run_folder(options.work, row, seed), runs.evaluation_options(row, options), unjudged
        )
        for row in rows
        for seed in options.seeds
    ]
    if not any(run.evaluation for run in found):
        raise runs.CompareError(f"There is no evaluated run in {options.work}, so there is nothing to write.")
    page.write_page(found, datasets, goal, options)


if __name__ == "__main__":
    sys.exit(main())
