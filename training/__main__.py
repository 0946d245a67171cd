"""Train a GAN: `python -m training mnist-cgan`, or `accelerate launch -m training mnist-cgan` on several GPUs or
machines."""

from __future__ import annotations

import argparse
import difflib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gan_models.cli import leave

from . import cli, recipes
from .choices import DATASETS, PRECISIONS, PREVIOUS_ONE, TRACKERS

if TYPE_CHECKING:
    from .run.options import RunOptions

SHORTCUTS = ("image_size", "batch_size", "augment", "labels_per_class")  # settings that also have an option
STOPPED = "Stopped at once; the same command with --resume continues from the last checkpoint, if there is one."


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0 done, 1 diverged, 2 bad input, 3 another process is gone, 130
    interrupted; after the last two --resume continues."""
    return cli.run(lambda: command(sys.argv[1:] if arguments is None else arguments), stopped=STOPPED)


def command(arguments: list[str]) -> int:
    words = typed(arguments)
    if words.list:
        for recipe in recipes.RECIPES.values():
            print(f"{recipe.name:<16} {recipe.summary} ({recipe.source})")
        return 0
    from .run import run  # with torch, which --help and --list do not need

    options = run_options(words, arguments)
    if words.show:
        from .explain import explain
        from .settings import change, find

        print(explain(change(find(options.recipe), list(options.settings))))
        return 0
    if words.dry_run:
        from .run.rehearse import rehearse

        print(rehearse(options))
        return 0
    return 0 if run(options).finished else 130


class SuggestingParser(argparse.ArgumentParser):
    """A parser that suggests the option or setting that was meant."""

    def error(self, message: str) -> NoReturn:
        _, unknown, words = message.partition("unrecognized arguments: ")
        word = words.split(" ")[0].partition("=")[0]
        if unknown and word.startswith("--"):
            from .settings import NOT_SETTABLE, kinds

            known = {option: option for option in self._option_string_actions if option.startswith("--")}
            settings = [key for key in kinds(recipes.Recipe) if key not in NOT_SETTABLE]
            known = {f"--{key.replace('_', '-')}": f"--set {key}=VALUE" for key in settings} | known
            near = [word] if word in known else difflib.get_close_matches(word, known, n=2, cutoff=0.6)
            hint = f"did you mean {' or '.join(known[name] for name in near)}?" if near else "--help lists them."
            message = f"there is no option {word}; {hint}"
        super().error(message)


def parse(arguments: list[str]) -> RunOptions:
    """What a run is told. Raises RunError for what no run can take."""
    return run_options(typed(arguments), arguments)


def typed(arguments: list[str]) -> argparse.Namespace:
    """What was typed."""
    parser = SuggestingParser(prog="python -m training", description=__doc__)
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="what to train; --list names them")
    parser.add_argument("--list", action="store_true", help="list the recipes and exit")
    parser.add_argument(
        "--show", action="store_true", help="print every setting of the recipe with value, meaning and range, and exit"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be trained on what, how fast, and how long it would take, and exit without writing",
    )
    parser.add_argument(
        "--data",
        metavar="NAME|DIR",
        help=f"{', '.join(DATASETS)}, a folder, .zip or .tar, or hub:USER/DATASET[@REVISION] (default: the recipe's)",
    )
    parser.add_argument(
        "--data-b", metavar="DIR", help="a second folder: its pictures are one class, those of --data the other"
    )
    parser.add_argument(
        "--pairs",
        nargs=2,
        metavar=("INPUTS", "TARGETS"),
        help="two folders with pictures of the same names: draw the second ones from the first (celeba-restore and its kin)",
    )
    parser.add_argument("--title", metavar="WORDS", help="a title of your own pictures for the model's card")
    parser.add_argument(
        "--licence", metavar="WORDS", help="the licence of your pictures: cc-by-4.0, mit, an address or a few words"
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="the folder of data sets (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="the run's folder (default: runs/RECIPE)")
    parser.add_argument(
        "--images", type=int, metavar="N", help="how many real images to train on in all (default: the recipe's)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the run's seed (default: 0)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="auto: bf16 if the device is faster with it, else fp32; a resumed run keeps its precision",
    )
    parser.add_argument(
        "--checkpoint-every", type=int, metavar="IMAGES", help="between checkpoints (default: a fiftieth of all)"
    )
    parser.add_argument(
        "--fid-every", type=int, metavar="IMAGES", help="measure the FID (default: never, since it takes time)"
    )
    parser.add_argument(
        "--tracker",
        action="append",
        choices=TRACKERS,
        default=[],
        help="log the statistics there too; may be repeated (default: only to the run folder)",
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        metavar=PREVIOUS_ONE,
        help=f"continue the run in the output folder, if there is one; --resume {PREVIOUS_ONE} continues from the "
        "checkpoint before the last, if that is damaged",
    )
    parser.add_argument(
        "--init-from",
        metavar="SOURCE",
        help="start from the weights of a model: folder, bundled name or Hub id; "
        "or from both networks of a run: its folder",
    )
    parser.add_argument(
        "--image-size",
        metavar="PIXELS",
        help="size of the pictures: 64, or 128x96 (128 wide, 96 high); short for --set image_size=",
    )
    parser.add_argument("--batch-size", metavar="N", help="pictures per step; short for --set batch_size=")
    parser.add_argument("--augment", metavar="STRENGTH", help="0 to 1, for small data sets; short for --set augment=")
    parser.add_argument(
        "--labels-per-class",
        metavar="N",
        help="pictures of each class that keep their label, for mnist-sgan and its kin; short for --set labels_per_class=",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe; may be repeated"
    )
    parser.add_argument("--push-to-hub", metavar="USER/REPO", help="publish the model folder when done")
    parser.add_argument(
        "--push-every",
        type=float,
        metavar="MINUTES",
        help="with --push-to-hub: also on the way, the first checkpoint after so many minutes, without waiting for it",
    )
    words = parser.parse_args(_apart(arguments))
    if not words.list and not words.recipe:
        parser.error("name a recipe; --list lists them")
    return words


def run_options(options: argparse.Namespace, arguments: list[str]) -> RunOptions:
    """What a run is told. Raises RunError for what no run can take."""
    from .run.options import RunOptions  # with torch

    short = tuple(f"{key}={getattr(options, key)}" for key in SHORTCUTS if getattr(options, key) is not None)
    return RunOptions(
        recipe=options.recipe,
        output=options.output or Path("runs") / options.recipe,
        settings=(*short, *options.set),
        data=options.data,
        data_b=options.data_b,
        pairs=options.pairs and tuple(options.pairs),
        title=options.title,
        licence=options.licence,
        data_root=options.data_root,
        images=options.images,
        seed=options.seed,
        precision=options.precision,
        checkpoint_every=options.checkpoint_every,
        fid_every=options.fid_every,
        trackers=tuple(options.tracker),
        resume=options.resume,
        init_from=options.init_from,
        push_to_hub=options.push_to_hub,
        push_every=options.push_every,
        command=f"python -m training {shlex.join(_without_resume(arguments))}",
    )


def _apart(arguments: list[str]) -> list[str]:
    """The arguments, changed so that in `--resume mnist-cgan` the word after --resume is the recipe."""
    words = []
    for word in arguments:
        if words and words[-1] == "--resume" and word == PREVIOUS_ONE:
            words[-1] = f"--resume={PREVIOUS_ONE}"
        else:
            words.append(word)
    return [word for word in words if word != "--resume"] + ["--resume"] * ("--resume" in words)


def _without_resume(arguments: list[str]) -> list[str]:
    return [word for word in _apart(arguments) if not word.startswith("--resume")]


if __name__ == "__main__":
    leave(main())
