"""Repair a photo: `gan-studio restore photo.jpg --mask hole.png -o whole.png`.

Without --mask and --damage the network repairs what it detects. A mask is a picture of the photo's size, white where the
photo is to be filled; all other pixels then stay as they are.
"""

import argparse
from pathlib import Path

from .. import cli
from ..errors import InvalidInput
from .common import Parser, add_photo_arguments, check_photos

FAMILY = "restore"
REPAIRS, FILLS = "celeba-restore", "celeba-cgan"  # bundled: one repairs, the other is better at holes in faces


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("gan-studio restore", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mask", type=Path, metavar="MASK", help="a picture, white where the photo is missing")
    parser.add_argument(
        "--damage",
        nargs="+",
        metavar="KIND",
        help="what to repair: noise specks blur motion jpeg shrink grey (default: what the network detects)",
    )
    parser.add_argument("--strength", type=float, metavar="S", help="of the damage, 0 to 1 (default: estimated)")
    parser.add_argument("--scale", type=int, default=1, choices=(1, 2, 3, 4), help="how many times larger (default: 1)")
    parser.add_argument(
        "--model",
        metavar="SOURCE",
        help="a folder, bundled name or Hub repository: a restoration model, or a generator of faces, which only fills "
        f"holes (default: {REPAIRS}; for a --mask alone {FILLS} in faces)",
    )
    add_photo_arguments(parser)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    from .. import images, inversion  # with torch, which --help does not need
    from ..networks import load
    from ..photos import save_photo

    check_photos(options.photo, options.output)
    fills = options.mask and not options.damage
    source = options.model or (FILLS if fills else REPAIRS)
    model = load(source, device=options.device)
    if model.family == FAMILY:
        repaired = model.restore(options.photo, options.mask, options.damage, options.strength, options.scale)
    elif fills:
        if options.scale != 1:
            raise InvalidInput(
                "A hole is filled at the photo's own size: leave --scale out, and enlarge the filled photo."
            )
        rest = None if options.model else load(REPAIRS, device=options.device)
        repaired = inversion.fill_photo(model, options.photo, options.mask, rest=rest)
    elif model.family == "translate":
        raise InvalidInput(f"{source} repairs nothing: gan-studio translate PHOTO --model {source}.")
    else:
        raise InvalidInput(f"{source} can only fill a --mask; for other repairs name a restoration model by --model.")
    save_photo(repaired, options.output)
    source = f"{source} in faces and {REPAIRS} elsewhere" if fills and not options.model else source
    print(f"{options.output}: {repaired.width} x {repaired.height} pixels, by {source}")
    if images.XMP not in repaired.info:
        print(f"It is the same picture: {source} detects no damage. To repair it all the same, name one by --damage.")
