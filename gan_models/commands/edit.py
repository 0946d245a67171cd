"""Change a face in a photo, at full size: `gan-studio edit photo.jpg --set Smiling=1 -o smiling.jpg`."""

import argparse
import sys

from .. import cli
from ..errors import InvalidInput, ModelNotFound
from ..files import read_json
from ..layout import CONFIG, MAX_CONFIG_BYTES, PRETRAINED, bundled
from .common import Parser, add_photo_arguments, assignments, check_photos

FAMILIES = ("retouch", "editor")  # of editors, the better first


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: run(parse(arguments)))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("gan-studio edit", description="Change a face in a photo and write the photo at full size.")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        metavar="NAME=CHANGE",
        help="Smiling=1 Eyeglasses=-1: from -1 (removed) to 1 (fully there); may be repeated",
    )
    parser.add_argument("--model", metavar="SOURCE", help="an editor: a folder, bundled name or Hub repository")
    parser.add_argument("--face", type=int, default=1, metavar="N", help="which face; 1 (default) is the largest")
    parser.add_argument("--list", action="store_true", help="print the attributes, and how surely the face has each")
    add_photo_arguments(parser, required=False)
    options = parser.parse_args(arguments)
    if not options.list and not (options.set and options.output):
        parser.error("give --set NAME=CHANGE and --output FILE, or --list")
    return options


def run(options: argparse.Namespace) -> None:
    from .. import studio  # with torch, which --help does not need
    from ..networks import load
    from ..photos import save_photo
    from ..portrait import open_portrait

    if not options.list:
        check_photos(options.photo, options.output)
    source = options.model or bundled_editor()
    editor = load(source, device=options.device)
    if not hasattr(editor, "attributes"):
        raise InvalidInput(f"{source} is not an editor; name one by --model.")
    changes = assignments(editor.attributes, options.set or (), -1, what="attribute")
    portrait = open_portrait(editor, options.photo)
    if not 1 <= options.face <= len(portrait.faces):
        raise InvalidInput(f"--face must be from 1 to {len(portrait.faces)}, the number of faces in the photo.")
    portrait = portrait.choose(options.face - 1) if options.face > 1 else portrait
    if options.list:
        print(f"{options.photo}: face {options.face} of {len(portrait.faces)}; probability of each attribute")
        print("\n".join(f"  {name:<22}{shown:.2f}" for name, shown in portrait.shown.items()))
        return
    offers = studio.offered(source, editor.attributes)
    if poor := [name for name, value in changes.items() if value and not offers[name].allows(value > 0)]:
        print(f"note: this editor does these changes badly or not at all: {', '.join(poor)}.", file=sys.stderr)
    if portrait.turned:
        print("note: this face is turned too far to the side, so the changes may look broken.", file=sys.stderr)
    save_photo(portrait.edited(changes), options.output)
    told = " ".join(f"{name}={value:g}" for name, value in changes.items())
    print(f"{options.output}: {told}, face {options.face} of {len(portrait.faces)}, by {source}")


def bundled_editor() -> str:
    """The name of the bundled editor. Raises ModelNotFound if there is none."""
    found = {read_json(PRETRAINED / name / CONFIG, MAX_CONFIG_BYTES).get("family"): name for name in bundled()}
    for family in FAMILIES:
        if family in found:
            return found[family]
    raise ModelNotFound("No editor is bundled here: name one by --model.")
