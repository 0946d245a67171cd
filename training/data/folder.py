"""A folder or an archive of pictures; its sub-folders are splits or classes."""

from pathlib import Path

import numpy as np

from .dataset import Dataset, Request, make_dataset
from .decoding import DataError, Pictures, decode, decoding_notes
from .listing import ARCHIVES, in_archive, in_folder, is_archive

SPLIT_FOLDERS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
FEW = 2000  # pictures: a discriminator soon memorises fewer (Karras et al. 2020)


def read_folder(folder: Path, request: Request) -> Dataset:
    """Pictures in a folder and its sub-folders, or in an archive. Splits and classes as in `open_dataset`."""
    if request.attributes is not None:
        raise DataError(f"Attributes are chosen from CelebA; the folder {folder} has none.")
    whole, inside = (in_archive if is_archive(folder) else in_folder)(folder), Path(folder)
    left_out, notes = whole.left_out, []
    while (only := _only_folder(whole)) and not _has_splits(whole):
        whole, inside = whole.below(only), inside / only
    has_splits = _has_splits(whole)
    if not has_splits and request.split != "train":
        raise DataError(f"The folder {folder} has no split {request.split!r}; make train/ and {request.split}/ in it.")
    training = pictures = whole
    if has_splits:
        name = next((name for name in SPLIT_FOLDERS[request.split] if name in whole.folders), None)
        if name is None:
            raise DataError(
                f"The folder {folder} has no split {request.split!r}; make train/ and {request.split}/ in it."
            )
        training, pictures = whole.below("train"), whole.below(name)
        inside = inside / name
        if loose := _loose(whole):
            notes.append(f"Left out because they lie beside train/: {len(loose):,} (the first is {loose[0]}).")
    if not pictures.names:
        found = "".join(f" Left out: {reason}: {count:,}." for reason, count in sorted(left_out.items()))
        raise DataError(
            f"There are no images in {inside}; put JPEG, PNG, WebP or other files that Pillow opens there.{found}"
        )
    # From the training pictures, so that a class has the same number in all splits.
    classes, about_classes = _classes(training)
    foreign = sorted({name.split("/")[0] for name in pictures.names} - set(classes)) if classes else ()
    if foreign:
        raise DataError(
            f"{inside / foreign[0]} is not one of the classes in {inside.parent / 'train'}: {', '.join(classes)}."
        )
    name = dataset_name(folder)
    decoded = decode(name, pictures, request.image_size, request.channels or 3)
    said = decoding_notes(f"{folder} ({request.split})", decoded, request.image_size, left_out)
    notes += about_classes
    if request.split == "train" and len(decoded.kept) < FEW:
        notes.append(
            f"Fewer than {FEW:,} pictures are soon memorised; if the recipe has no augmentation, add --set augment=0.5, or "
            "collect more pictures."
        )
    at = len(said) - bool(decoded.note)  # the note on the cache comes last
    notes = [*said[:at], *notes, *said[at:]]
    if not classes:
        return make_dataset(name, decoded.images, None, None, False, notes, decoded.digest)
    number = {label: k for k, label in enumerate(classes)}
    labels = np.array([number[pictures.names[k].split("/")[0]] for k in decoded.kept], np.int64)
    return make_dataset(name, decoded.images, labels, classes, False, notes, decoded.digest)


def dataset_name(folder: Path) -> str:
    """What a data set of this folder or archive is called."""
    name = folder.resolve().name
    ending = next((ending for ending in ARCHIVES if is_archive(folder) and name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)] or "images"


def _loose(pictures: Pictures) -> list[str]:
    return [name for name in pictures.names if "/" not in name]


def _holding(pictures: Pictures) -> list[str]:
    """The sub-folders that hold pictures at any depth."""
    return sorted({name.split("/")[0] for name in pictures.names if "/" in name})


def _has_splits(pictures: Pictures) -> bool:
    """Whether there is a train/ and every other folder with pictures is a split too."""
    known = {name for names in SPLIT_FOLDERS.values() for name in names}
    return "train" in pictures.folders and set(_holding(pictures)) <= known


def _only_folder(pictures: Pictures) -> str | None:
    """The only sub-folder, if it holds everything."""
    holding = _holding(pictures)
    return holding[0] if len(holding) == 1 and not _loose(pictures) else None


def _classes(pictures: Pictures) -> tuple[tuple[str, ...] | None, list[str]]:
    """The classes: the sub-folders, if two or more hold pictures and no picture is next to them; and notes."""
    holding, loose = _holding(pictures), _loose(pictures)
    if len(holding) < 2:
        return None, []
    if loose:
        return None, [
            f"No labels, because there are pictures next to the folders {_few(holding)}: {len(loose):,} (the first is "
            f"{loose[0]}). Move them into a folder, and every folder is a class."
        ]
    empty = sorted({name for name in pictures.folders if "/" not in name} - set(holding))
    notes = [f"No classes, because there are no pictures in them: {_few(empty)}."] if empty else []
    return tuple(holding), notes


def _few(names: list[str]) -> str:
    return ", ".join(f"{name}/" for name in names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
