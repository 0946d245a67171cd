"""Turn a photo into another kind of picture: `gan-studio translate photo.jpg --model runs/mine --to winter -o winter.jpg`.

The model is one that translates between kinds, or one that learned from pairs, which needs no --to.
"""

import argparse

from .. import cli
from ..errors import InvalidInput
from .common import Parser, add_photo_arguments, check_photos, find_label


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("gan-studio translate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, metavar="SOURCE", help="a folder, bundled name or Hub repository")
    parser.add_argument("--to", metavar="KIND", help="the kind to translate into")
    add_photo_arguments(parser)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    from ..networks import load  # with torch, which --help does not need
    from ..photos import save_photo

    check_photos(options.photo, options.output)
    model = load(options.model, device=options.device)
    if model.family == "translate":
        if options.to is None:
            raise InvalidInput(f"Name the kind to translate into: --to {' or --to '.join(model.labels)}.")
        made = model.translate(options.photo, to=model.labels[find_label(model.labels, options.to, "kind")])
    elif model.family == "restore" and not model.damages:
        if options.to is not None:
            raise InvalidInput(f"{options.model} learned from pairs and knows no kinds: leave --to out.")
        made = model.restore(options.photo)
    else:
        raise InvalidInput(f"{options.model} does not translate: it is a model of the family {model.family}.")
    save_photo(made, options.output)
    print(f"{options.output}: {made.width} x {made.height} pixels, by {options.model}")
