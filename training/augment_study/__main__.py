"""Do generated pictures help a classifier? `python -m training.augment_study mnist-cgan --per-class 10,50 --seeds 3`.

For each number of labelled pictures per class and each seed, a class-conditional generator learns from these pictures
alone. Then the same classifier learns from five kinds of training sets:

    real                            the labelled pictures
    real, transformed               with the usual random transforms
    real + generated                with generated pictures added (--shares: how many per real one)
    real + generated, transformed   with both
    generated                       generated pictures alone (GAN-train; with all pictures this is CAS)

Shares, and filters of the generated pictures (--filters), are chosen on held-out training pictures, never on test
pictures. The study may be stopped at any moment, and the same command continues; it may then ask for more --seeds, or
for other numbers --per-class. The other protocol of the literature, in which the generator also learns from unlabelled
pictures, is in the recipes mnist-sgan and cifar10-sgan.
"""

import argparse
import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from gan_models.cli import leave, missing

from .. import cli
from ..choices import FILTERS, PRECISIONS

STOPPED = "Stopped; the same command continues."


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(sys.argv[1:] if arguments is None else arguments), stopped=STOPPED)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.augment_study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="of a class-conditional generator")
    parser.add_argument("--data", metavar="NAME|DIR", help="with the splits train and test (default: the recipe's)")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="(default: $GAN_STUDIO_DATA, else ./data)")
    parser.add_argument(
        "--per-class",
        type=_numbers,
        default=(10, 50, 200, 1000, None),
        metavar="N,...",
        help="labelled pictures of each class, or all (default: 10,50,200,1000,all)",
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="number of seeds (default: 5)")
    parser.add_argument(
        "--shares", type=_shares, default=(0.5, 1, 2, 5), metavar="S,...", help="generated for each real picture"
    )
    parser.add_argument(
        "--filters",
        type=_filters,
        default=FILTERS,
        metavar="NAME,...",
        help=f"of the generated pictures: {', '.join(FILTERS)} (default: all)",
    )
    parser.add_argument(
        "--images", type=int, default=200_000, metavar="N", help="that a generator is shown at most (default: 200000)"
    )
    parser.add_argument("--steps", type=int, default=2000, metavar="N", help="of a classifier (default: 2000)")
    parser.add_argument(
        "--validation", type=int, default=1000, metavar="N", help="held-out training pictures (default: 1000)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--work", type=Path, default=Path("runs/augment"), metavar="DIR", help="the runs and results")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the page (default: WORK/results.md)")
    options = parser.parse_args(arguments)
    for name in ("seeds", "images", "steps"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    if options.validation < 20:
        parser.error("--validation must be at least 20")
    return options


def command(arguments: list[str]) -> None:
    """Measure what is missing, then write the page."""
    options = parse(arguments)
    from ..data import open_dataset  # with torch, which --help does not need
    from ..settings import change, find
    from . import page
    from .results import StudyError, StudyPlan
    from .study import Study

    for package in ("matplotlib", "torch_fidelity"):
        if importlib.util.find_spec(package) is None:
            raise StudyError(missing(package))
    recipe = change(find(options.recipe), options.set)
    if not recipe.conditional:
        raise StudyError(f"{recipe.name} draws without labels: take a recipe that is told classes, such as mnist-cgan.")
    data, test = (
        open_dataset(
            options.data or recipe.data,
            options.data_root,
            recipe.image_size,
            split=split,
            channels=recipe.image_channels,
        )
        for split in ("train", "test")
    )
    if data.labels is None or data.multi_label:
        raise StudyError(f"{data.name} has no classes for a classifier to learn.")
    plan = StudyPlan(
        options.recipe,
        dict(map(_setting, options.set)),
        options.per_class,
        tuple(range(options.seeds)),
        options.shares,
        options.filters,
        options.images,
        options.steps,
        options.validation,
    )
    study = Study(plan, data, test, options.work)
    study.run(precision=options.precision)
    output = options.output or options.work / "results.md"
    page.write_page(study, output, f"python -m training.augment_study {shlex.join(arguments)}")
    print(f"Written: {output}")


def _numbers(text: str) -> tuple[int | None, ...]:
    """10,50,all -> (10, 50, None)"""
    found = tuple(None if word == "all" else int(word) for word in text.split(","))
    if any(n is not None and n < 1 for n in found) or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError("must be different numbers of at least 1, or all, with commas between them")
    return found


def _setting(word: str) -> tuple[str, Any]:
    """KEY=VALUE, which `change` has read already, as `training.train` takes it."""
    key, _, text = word.partition("=")
    try:
        return key, json.loads(text)
    except ValueError:
        return key, text


def _shares(text: str) -> tuple[float, ...]:
    found = tuple(float(word) for word in text.split(","))
    if not all(0 < share <= 100 for share in found):
        raise argparse.ArgumentTypeError("must be numbers above 0, at most 100, with commas between them")
    return found


def _filters(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not set(found) <= set(FILTERS):
        raise argparse.ArgumentTypeError(f"must be some of {', '.join(FILTERS)}, with commas between them")
    return found


if __name__ == "__main__":
    leave(main())
