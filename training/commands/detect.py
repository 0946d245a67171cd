"""Train a detector of generated pictures, and measure how often it errs."""

import argparse
from pathlib import Path

from .. import cli

OTHERS = "cifar10"


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments), "Stopped; the same command with --resume goes on.")


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.detect", description=__doc__)
    parser.add_argument("models", nargs="*", help="folders, bundled names or Hub ids (default: all bundled generators)")
    parser.add_argument(
        "--others",
        nargs="*",
        default=[OTHERS],
        metavar="DATA",
        help="data sets or folders of other real pictures, of 32 px or more, so that unfamiliar pictures are not "
        f"suspected (default: {OTHERS})",
    )
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="where the data sets are (default: $GAN_STUDIO_DATA, else ./data)"
    )
    parser.add_argument("--images", type=int, default=100_000, help="pictures of each training (default: 100000)")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--resume", action="store_true", help="continue a run that was stopped")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder of the detector")
    options = parser.parse_args(arguments)
    from gan_models.rng import check_seed  # with torch, which --help does not need

    from ..detect import fitting, pictures, study

    check_seed(options.seed)
    if not fitting.BATCH <= options.images <= 10**9:
        raise pictures.DetectError(f"--images must be from {fitting.BATCH} to 10^9, not {options.images}.")
    models = options.models or pictures.default_models()
    asked = {"models": models, "others": options.others, "images": options.images, "seed": options.seed}
    study.begin(options.output / study.WORK, options.resume, asked)
    run = study.Options(options.images, options.seed, options.output)
    print(study.run_study(models, options.others, options.data_root, run))
