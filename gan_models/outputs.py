"""Whether an output can be written: asked before any work, and answered with one sentence."""

import os
from collections.abc import Sequence
from pathlib import Path

from .errors import InvalidInput


def check_output(path: Path, endings: Sequence[str]) -> None:
    """Raise InvalidInput, before any work, unless this file can be written and has one of the endings (lower case)."""
    if path.suffix.lower() not in endings:
        raise InvalidInput(f"The output {path} must end in {' or '.join(endings)}.")
    if path.is_dir():
        raise InvalidInput(f"The output {path} is a folder; name a file in it.")
    check_place(path.parent)


def check_place(folder: Path) -> None:
    """Raise InvalidInput unless files can be written into the folder of an output."""
    if not folder.is_dir():
        raise InvalidInput(f"The output's folder {folder} does not exist; make it first or name another.")
    if not os.access(folder, os.W_OK):
        raise InvalidInput(f"The output's folder {folder} cannot be written to; name another.")
