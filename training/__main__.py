"""Train a GAN: `python -m training mnist-cgan`, or `accelerate launch -m training mnist-cgan` on several GPUs or
machines."""

import argparse
import sys
from pathlib import Path

import torch

from gan_models.errors import ModelError

from . import callbacks, checkpoints, recipes, run_folder
from .data.decoding import DataError
from .evaluate.sampling import EvaluationError
from .judges.networks import JudgeError
from .publish import PublishError
from .recipes import RecipeError
from .run import TRACKERS, RunError, fail, run


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0 done, 1 diverged, 2 bad input, 130 interrupted (and resumable)."""
    options = parse(arguments)
    if options.list:
        for recipe in recipes.RECIPES.values():
            print(f"{recipe.name:<16} {recipe.summary} ({recipe.source})")
        return 0
    try:
        return run(options)
    except (
        RunError,
        RecipeError,
        DataError,
        ModelError,
        checkpoints.CheckpointError,
        EvaluationError,
        JudgeError,
        PublishError,
    ) as error:
        return fail(str(error), 2)
    except callbacks.Diverged as error:
        return fail(str(error), 1)
    except KeyboardInterrupt:
        return fail(
            "Stopped at once; the same command with --resume goes on from the last checkpoint, if there is one.", 130
        )
    except OSError as error:
        last = run_folder.find_checkpoint(options.output)
        kept = (
            f" The last good checkpoint is {last}: mend that, and the same command with --resume goes on."
            if last
            else ""
        )
        return fail(
            f"{error.filename or options.output} cannot be written or read ({error.strerror or error}).{kept}", 2
        )
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        if not run_folder.find_checkpoint(options.output):
            (options.output / "options.json").unlink(
                missing_ok=True
            )  # the run has not begun: another may take its place
        return fail(
            "There is not enough memory for this run; give it smaller batches or networks, such as --set batch_size=16.",
            2,
        )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="what to train; --list names them")
    parser.add_argument("--list", action="store_true", help="list the recipes and exit")
    parser.add_argument(
        "--data",
        metavar="NAME|DIR",
        help="mnist, fashionmnist, stackedmnist, cifar10, celeba, or a folder, .zip or .tar (default: the recipe's)",
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
        "--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 where it is native"
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
        "--resume", action="store_true", help="go on with the run in the output folder, if there is one"
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
    options = parser.parse_args(arguments)
    if not options.list and not options.recipe:
        parser.error("name a recipe; --list lists them")
    if options.recipe and not options.output:
        options.output = Path("runs") / options.recipe
    options.command = [word for word in (sys.argv[1:] if arguments is None else arguments) if word != "--resume"]
    return options


if __name__ == "__main__":
    sys.exit(main())
