"""Train a GAN: `python -m training mnist-cgan`, or `accelerate launch -m training mnist-cgan` on several GPUs or
machines."""

import argparse
import shlex
import sys
from pathlib import Path

from gan_models.cli import leave

from . import cli, recipes
from .data import READERS
from .options import PRECISIONS, PREVIOUS_ONE, TRACKERS, RunOptions
from .run import run

STOPPED = "Stopped at once; the same command with --resume goes on from the last checkpoint, if there is one."


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0 done, 1 diverged, 2 bad input, 3 another process is gone, 130
    interrupted; the last two are resumable."""
    return cli.run(lambda: command(sys.argv[1:] if arguments is None else arguments), stopped=STOPPED)


def command(arguments: list[str]) -> int:
    options = parse(arguments)
    if options is None:
        for recipe in recipes.RECIPES.values():
            print(f"{recipe.name:<16} {recipe.summary} ({recipe.source})")
        return 0
    return 0 if run(options).finished else 130


def parse(arguments: list[str]) -> RunOptions | None:
    """What a run is told; None where the recipes are asked for."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="what to train; --list names them")
    parser.add_argument("--list", action="store_true", help="list the recipes and exit")
    parser.add_argument(
        "--data",
        metavar="NAME|DIR",
        help=f"{', '.join(READERS)}, or a folder, .zip or .tar (default: the recipe's)",
    )
    parser.add_argument("--title", metavar="WORDS", help="what your own pictures are called on the model's card")
    parser.add_argument(
        "--licence", metavar="WORDS", help="under which they may be used: cc-by-4.0, mit, an address or a few words"
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="their place (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="the run's folder (default: runs/RECIPE)")
    parser.add_argument(
        "--images", type=int, metavar="N", help="how many real images to show in all (default: the recipe's)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the run's seed (default: 0)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="auto: bf16 where the device is faster in it, else fp32; a run that goes on keeps its own",
    )
    parser.add_argument(
        "--checkpoint-every", type=int, metavar="IMAGES", help="between checkpoints (default: a fiftieth of all)"
    )
    parser.add_argument(
        "--fid-every", type=int, metavar="IMAGES", help="measure the FID (default: never, as it takes time)"
    )
    parser.add_argument(
        "--tracker",
        action="append",
        choices=TRACKERS,
        default=[],
        help="log the statistics there too; may be repeated (default: only in the run's folder)",
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        metavar=PREVIOUS_ONE,
        help=f"go on with the run in the output folder, if there is one; --resume {PREVIOUS_ONE} goes on from the "
        "checkpoint before the last, where that is damaged",
    )
    parser.add_argument(
        "--init-from",
        metavar="SOURCE",
        help="start from the weights of a model: folder, bundled name or Hub id; "
        "or from both networks of a run: its folder",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe; may be repeated"
    )
    parser.add_argument("--push-to-hub", metavar="USER/REPO", help="publish the model folder when done")
    options = parser.parse_args(_apart(arguments))
    if options.list:
        return None
    if not options.recipe:
        parser.error("name a recipe; --list lists them")
    return RunOptions(
        recipe=options.recipe,
        output=options.output or Path("runs") / options.recipe,
        settings=tuple(options.set),
        data=options.data,
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
        command=f"python -m training {shlex.join(_without_resume(arguments))}",
    )


def _apart(arguments: list[str]) -> list[str]:
    """The arguments such that --resume takes nothing but its own word: `--resume mnist-cgan` names a recipe."""
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
