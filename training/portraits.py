"""Sheets to judge an editor by eye: one for each portrait in a folder, with every attribute added and removed, at the
photo's own size.

    python -m training.portraits runs/celeba-editor/model --portraits FOLDER --output SHEETS

Metrics do not notice smeared mouths. So for every model that is to be kept, somebody who did not train it looks at these
sheets and rates every direction as good, fair, nothing or broken. The rating of a direction is the second worst over the
portraits (docs/editing.md). The portraits are photos of real people: never put the sheets into a repository, page or
card.
"""

import sys

from PIL import Image, ImageDraw, ImageFont

from gan_models import cli
from gan_models.photos import Face
from gan_models.photos.geometry import bounds
from gan_models.photos.surroundings import GRID, wide_window
from gan_models.portrait import Portrait

COLUMNS = 6


def portrait_sheet(portrait: Portrait, tile: int, strength: float = 1.0) -> Image.Image:
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
    left, top, right, bottom = bounds(wide_window(face, GRID), (GRID, GRID))
    side = min(max(right - left, bottom - top), *photo.size)
    x, y = (
        min(max((low + high - side) // 2, 0), most - side)
        for low, high, most in ((left, right, photo.width), (top, bottom, photo.height))
    )
    return x, y, x + side, y + side


if __name__ == "__main__":
    sys.exit(cli.main(["portraits", *sys.argv[1:]]))
