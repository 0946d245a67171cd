"""Samples of a model as PNG files: `gan-studio sample mnist-cgan --seed 3 --labels 7 --output grid.png`."""

import argparse
import sys
from pathlib import Path

from .. import cli, rng
from ..errors import InvalidInput
from ..layout import bundled
from ..outputs import check_output
from .common import Parser, make_folder

MAX_COUNT = 4096  # pictures on one sheet
MAX_SIZE = 4096  # pixels


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    options = parse(arguments)
    if options.list:
        print("\n".join(bundled()) or "No models are bundled here.")
    else:
        run(options)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    name = (
        "python -m gan_models" if Path(sys.argv[0]).parts[-2:] == ("gan_models", "__main__.py") else "gan-studio sample"
    )
    parser = Parser(name, description="Draw samples of a model, on one sheet or as single files.")
    parser.add_argument(
        "source", nargs="?", help="a model folder, a bundled name (see --list) or a Hub repository user/repo"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the bundled models")
    parser.add_argument("--revision", help="branch, tag or commit of the Hub repository")
    parser.add_argument(
        "--seed", type=int, help="0 or more; the same seed gives the same pictures (default: random, printed)"
    )
    parser.add_argument("--count", type=int, help=f"how many pictures, 1 to {MAX_COUNT} on one sheet (default: 16)")
    parser.add_argument(
        "--truncation", type=float, default=1.0, help="0 to 2; below 1: more typical, less varied (default: 1)"
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="classes, by name or number, in turn (3 or 0 1 2); or attributes (Smiling=1 Eyeglasses=0 Male), "
        "the others as they occur together in the data",
    )
    parser.add_argument("--size", type=int, metavar="PIXELS", help="the height of a picture (default: the model's)")
    parser.add_argument(
        "--each",
        action="store_true",
        help="write each picture to its own file, without a frame, in the folder --output: SEED-NUMBER.png is picture "
        "NUMBER of seed SEED",
    )
    parser.add_argument(
        "--per-class",
        type=int,
        metavar="N",
        help="with --each: N pictures of each class (or each of --labels) in a folder with its name, the layout of "
        "torchvision's ImageFolder",
    )
    parser.add_argument("--device", help="cpu (default), cuda, cuda:1, mps, ...")
    parser.add_argument(
        "--output", "-o", type=Path, help="the PNG file to write; with --each the folder, created if missing"
    )
    options = parser.parse_args(arguments)
    if not options.list and not (options.source and options.output):
        parser.error("give a model and --output FILE.png, or --list")
    if options.per_class is not None and not options.each:
        parser.error("--per-class needs --each")
    if options.per_class is not None and options.count is not None:
        parser.error("give either --count (of all pictures) or --per-class")
    options.count = 16 if options.count is None else options.count
    return options


def run(options: argparse.Namespace) -> None:
    single = options.each and options.output.suffix.lower() == ".png"
    if single and (options.count != 1 or options.per_class is not None):
        raise InvalidInput(f"With --each the output {options.output} must be a folder, unless --count is 1.")
    rng.check_count(options.count, most=rng.MAX_COUNT if options.each else MAX_COUNT, what="count")
    if options.per_class is not None:
        rng.check_count(options.per_class, what="number of pictures of a class")
    if options.size is not None:
        rng.check_count(options.size, most=MAX_SIZE, what="size")
    seed = rng.check_seed(options.seed)
    if single or not options.each:
        check_output(options.output, (".png",))
    from . import sampling  # with torch, which neither --help nor --list needs

    model = sampling.load_generator(options.source, options.revision, options.device)
    wanted = sampling.choose_pictures(model, options, seed)
    if options.each and not single:
        make_folder(options.output)
    write = sampling.write_each if options.each else sampling.write_sheet
    written = write(wanted, options.output)
    print(f"{options.output}: {written} picture{'s' * (written > 1)} of {options.source}, seed {seed}")
