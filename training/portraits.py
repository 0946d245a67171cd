"""Sheets to judge an editor by eye: one for each portrait in a folder, with every attribute added and removed, at the
photo's own size.

    python -m training.portraits runs/celeba-editor/model --portraits FOLDER --output SHEETS

Metrics do not notice smeared mouths. So for every model that is to be kept, somebody who did not train it looks at these
sheets and rates every direction as good, fair, nothing or broken. The rating of a direction is the second worst over the
portraits (docs/editing.md). The portraits are photos of real people: never put the sheets into a repository, page or
card.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import gan_models
from gan_models.errors import InvalidInput
from gan_models.networks.editor import Editor
from gan_models.networks.retouch import RetouchEditor
from gan_models.photos import Face, save_photo
from gan_models.photos.crop import face_window
from gan_models.photos.geometry import bounds
from gan_models.portrait import Portrait, open_portrait

from . import cli

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
COLUMNS = 6


def sheet(portrait: Portrait, tile: int, strength: float = 1.0) -> Image.Image:
    """The photo, and each attribute added and removed with a strength of 0..1, as tiles of `tile` pixels around the
    face."""
    names = portrait.editor.attributes
    edits = [("photo", {})] + [
        (f"{sign}{name}", {name: value}) for name in names for sign, value in (("+ ", strength), ("- ", -strength))
    ]
    rows = -(-len(edits) // COLUMNS)
    result = Image.new("RGB", (COLUMNS * tile, rows * tile), "white")
    font = ImageFont.load_default(max(12, tile // 18))
    box = window(portrait.face, portrait.photo)
    for number, (title, changes) in enumerate(edits):
        picture = portrait.edited(changes).crop(box).resize((tile, tile), Image.Resampling.LANCZOS)
        shown = portrait.shown.get(title[2:])
        ImageDraw.Draw(picture).text(
            (4, 2),
            title + (f" (shown {shown:.2f})" if shown is not None else ""),
            "white",
            font,
            stroke_width=2,
            stroke_fill="black",
        )
        result.paste(picture, (number % COLUMNS * tile, number // COLUMNS * tile))
    return result


def window(face: Face, photo: Image.Image) -> tuple[int, int, int, int]:
    """A square around the part of the photo that an edit can change, inside the photo if possible."""
    left, top, right, bottom = bounds(face_window(face, 64), (64, 64))
    side = min(max(right - left, bottom - top), *photo.size)
    x, y = (
        min(max((low + high - side) // 2, 0), most - side)
        for low, high, most in ((left, right, photo.width), (top, bottom, photo.height))
    )
    return x, y, x + side, y + side


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
    editor = gan_models.load(options.editor)
    if not isinstance(editor, Editor | RetouchEditor):
        raise InvalidInput(
            f"{options.editor} is not an editor but a model of the family {editor.family}; name an editor."
        )
    files = sorted(path for path in options.portraits.glob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InvalidInput(f"There are no photos in {options.portraits}; give --portraits a folder of them.")
    options.output.mkdir(parents=True, exist_ok=True)
    for path in files:
        made = sheet(open_portrait(editor, path), options.tile, options.strength)
        save_photo(made, options.output / f"{path.stem}.jpg")
        print(options.output / f"{path.stem}.jpg", flush=True)


if __name__ == "__main__":
    sys.exit(main())
