"""Look at an editor: one picture for each portrait of a folder, with every attribute brought in and taken out, at the
photo's own size."""

import argparse
from pathlib import Path

from gan_models.errors import InvalidInput

from .. import cli

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit status, as cli.run does."""
    return cli.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.portraits", description=__doc__.partition("\n")[0])
    parser.add_argument("editor", help="folder, bundled name or Hub id")
    parser.add_argument("--portraits", type=Path, required=True, metavar="FOLDER", help="photos of faces")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="the folder of sheets, outside of any repository"
    )
    parser.add_argument("--tile", type=int, default=512, metavar="PIXELS", help="of each picture on a sheet (512)")
    parser.add_argument("--strength", type=float, default=1.0, help="0..1 (1)")
    options = parser.parse_args(arguments)
    if not 16 <= options.tile <= 4096 or not 0 <= options.strength <= 1:
        parser.error("--tile is from 16 to 4096 pixels, --strength from 0 to 1")
    from gan_models.networks import load  # with torch, which --help does not need
    from gan_models.networks.editor import Editor
    from gan_models.networks.retouch import RetouchEditor
    from gan_models.photos import save_photo
    from gan_models.portrait import open_portrait

    from ..portraits import portrait_sheet

    editor = load(options.editor)
    if not isinstance(editor, Editor | RetouchEditor):
        raise InvalidInput(
            f"{options.editor} is not an editor but a model of the family {editor.family}; name an editor."
        )
    files = sorted(path for path in options.portraits.glob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InvalidInput(f"There are no photos in {options.portraits}; give --portraits a folder of them.")
    options.output.mkdir(parents=True, exist_ok=True)
    for path in files:
        made = portrait_sheet(open_portrait(editor, path), options.tile, options.strength)
        save_photo(made, options.output / f"{path.stem}.jpg")
        print(options.output / f"{path.stem}.jpg", flush=True)
