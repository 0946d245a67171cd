"""What the commands that use a model share: the parser, and checks of the arguments before any work."""

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path

from ..errors import InvalidInput, short
from ..outputs import check_output, check_place

PHOTOS = (".jpg", ".jpeg", ".png", ".webp")  # the endings of photos that can be written


class Parser(argparse.ArgumentParser):
    """A parser that ends with `error: one sentence` and allows no abbreviated options."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, allow_abbrev=False, **options)

    def error(self, message: str):
        self.exit(2, f"error: {message} (--help tells more)\n")


def add_photo_arguments(parser: Parser, required: bool = True) -> None:
    """The arguments of a command that changes a photo. required: whether --output is."""
    parser.add_argument("photo", type=Path, metavar="PHOTO", help="JPEG, PNG, WebP, HEIC, ...")
    parser.add_argument("--device", help="cpu (default), cuda, cuda:1, mps, ...")
    parser.add_argument("--output", "-o", type=Path, required=required, help=f"the file to write: {', '.join(PHOTOS)}")


def check_photos(photo: Path, output: Path) -> None:
    """Raise InvalidInput, before any work, unless the output can be written and is not the photo itself."""
    check_output(output, PHOTOS)
    if output.exists() and photo.exists() and output.samefile(photo):
        raise InvalidInput(f"{output} is the photo itself and would be overwritten; give another --output.")


def make_folder(path: Path) -> None:
    """Make the folder if it is missing. Raises InvalidInput, before any work, unless files can be written into it."""
    if path.exists() and not path.is_dir():
        raise InvalidInput(f"The output {path} is a file; name a folder.")
    if not path.is_dir():
        check_place(path.absolute().parent)
        path.mkdir()
    check_place(path)


def find_label(names: Sequence[str], word: str, what: str = "label") -> int:
    """The number of a label that is given by name (upper or lower case) or number. Raises InvalidInput with similar
    names."""
    folded = [name.casefold() for name in names]
    for candidate, among in ((word, list(names)), (word.casefold(), folded)):
        if candidate in among:
            return among.index(candidate)
    if word.isdecimal() and len(word) < 10 and int(word) < len(names):
        return int(word)
    near = difflib.get_close_matches(word.casefold(), folded, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(names[folded.index(name)] for name in near)}?"
        if near
        else (f"it knows {', '.join(names[:40])}{' ...' if len(names) > 40 else ''}.")
    )
    raise InvalidInput(f"This model has no {what} {short(word)}; {hint}")


def parse_value(word: str, value: str, least: float, what: str = "label") -> float:
    """The value of NAME=VALUE. Raises InvalidInput unless it is from `least` to 1."""
    try:
        found = float(value)
    except ValueError:
        found = float("nan")
    if not least <= found <= 1:
        raise InvalidInput(f"The {what} {short(word)} must be NAME or NAME=VALUE with a value from {least:g} to 1.")
    return found


def assignments(names: Sequence[str], words: Sequence[str], least: float, what: str = "label") -> dict[str, float]:
    """["Smiling", "Male=0.5"] -> {"Smiling": 1.0, "Male": 0.5}: attributes with values from `least` to 1. Raises
    InvalidInput for names that are not among `names`."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        found[names[find_label(names, name, what)]] = parse_value(word, value, least, what) if equals else 1.0
    return found
