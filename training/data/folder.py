"""A folder of pictures; its sub-folders are classes."""

from pathlib import Path

import numpy as np

from .dataset import Dataset, Request, make_dataset
from .decoding import (
    SUFFIXES,
    DataError,
    decode,
    hidden,
    image_names,
    in_folder,
    notes_of,
)


def read_folder(folder: Path, request: Request) -> Dataset:
    """Pictures in a folder and its sub-folders. Splits and classes as in `open_dataset`."""
    if request.attributes is not None:
        raise DataError(f"Attributes are chosen from CelebA; the folder {folder} has none.")
    has_splits = (folder / "train").is_dir()
    training = folder / "train" if has_splits else folder
    here = training if request.split == "train" else folder / request.split
    if not has_splits and request.split != "train" or not here.is_dir():
        raise DataError(f"The folder {folder} has no split {request.split!r}; make train/ and {request.split}/ in it.")
    pictures = in_folder(here)
    if not pictures.names:
        raise DataError(f"There are no images in {here}; put {', '.join(SUFFIXES)} files there.")
    classes = _classes(training)  # of the training pictures, so that a class has one number in all splits
    foreign = sorted({name.split("/")[0] for name in pictures.names} - set(classes)) if classes else ()
    if foreign:
        raise DataError(f"{here / foreign[0]} is not one of the classes in {folder / 'train'}: {', '.join(classes)}.")
    name = folder.resolve().name or "images"
    decoded = decode(name, pictures, request.image_size, request.channels or 3)
    notes = notes_of(f"{folder} ({request.split})", decoded, request.image_size)
    if not classes:
        return make_dataset(name, decoded.images, None, None, False, notes, decoded.digest)
    number = {label: k for k, label in enumerate(classes)}
    labels = np.array([number[pictures.names[k].split("/")[0]] for k in decoded.kept], np.int64)
    return make_dataset(name, decoded.images, labels, classes, False, notes, decoded.digest)


def _classes(folder: Path) -> tuple[str, ...] | None:
    """The sub-folders, if there are two or more that all hold images and no image lies beside them."""
    names = image_names(folder)
    holding = {name.split("/")[0] for name in names}
    subfolders = {path.name for path in folder.iterdir() if path.is_dir() and not hidden(path.name)}
    return tuple(sorted(subfolders)) if len(subfolders) > 1 and holding == subfolders else None
