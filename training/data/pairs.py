"""Pairs of pictures: two folders in which the files of a pair have the same name."""

import hashlib
from pathlib import Path, PurePosixPath

from .dataset import Dataset, Request, make_dataset
from .decoding import DataError, Pictures, decode, decoding_notes
from .folder import dataset_name
from .listing import in_archive, in_folder, is_archive


def read_pairs(inputs: Path, targets: Path, request: Request) -> Dataset:
    """A data set of pairs: `images` from the folder `targets`, and `sources` from `inputs`. Both are folders or archives.
    The files of a pair have the same name, with any ending: `inputs/a/1.jpg` and `targets/a/1.png`.

    Raises DataError if there is no pair.
    """
    both = [_listed(folder) for folder in (inputs, targets)]
    named = [{str(PurePosixPath(name).with_suffix("")): name for name in pictures.names} for pictures in both]
    shared = sorted(named[0].keys() & named[1].keys())
    if not shared:
        raise DataError(
            f"No picture in {inputs} has the name of one in {targets}: the two pictures of a pair must have the same "
            "name, such as inputs/1.png and targets/1.png."
        )
    decoded = [
        decode(
            dataset_name(folder),
            pictures.select([names[name] for name in shared]),
            request.image_size,
            request.channels or 3,
        )
        for folder, pictures, names in zip((inputs, targets), both, named, strict=True)
    ]
    kept = sorted(set(decoded[0].kept) & set(decoded[1].kept))
    if not kept:
        raise DataError(f"No pair of {inputs} and {targets} can be used: one of its pictures is too small or damaged.")
    sources, images = (found.images[[found.kept.index(k) for k in kept]] for found in decoded)
    notes = [f"{inputs} and {targets}: {len(kept):,} pairs."]
    if alone := sum(map(len, named)) - 2 * len(shared):
        notes.append(f"Left out because the other folder has no picture of that name: {alone:,}.")
    for folder, pictures, found in zip((inputs, targets), both, decoded, strict=True):
        if said := decoding_notes(str(folder), found, request.image_size, pictures.left_out)[1:]:
            notes += [f"{folder}: {sentence}" for sentence in said]
    name = f"{dataset_name(inputs)}-{dataset_name(targets)}"
    digest = "".join(hashlib.sha256(pictures).hexdigest() for pictures in (sources, images))
    return make_dataset(name, images, None, None, False, notes, digest, sources)


def _listed(folder: Path) -> Pictures:
    if is_archive(folder) and folder.is_file():
        return in_archive(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give two, one with the inputs and one with the targets.")
    return in_folder(folder)
