"""CelebA: the aligned faces in a zip, attributes and partition in text files."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gan_models.celeba import CELEBA_PAGE, CELEBA_SIZE

from .dataset import SPLITS, Dataset, Request, make_dataset, near_names
from .decoding import DataError, Pictures, decode, decoding_notes, is_html
from .listing import in_folder, in_zip


def read_celeba(request: Request) -> Dataset:
    """202,599 faces with 40 attributes (Liu et al. 2015, "Deep learning face attributes in the wild"), or any part of
    them.

    A 178 x 218 picture is cropped by the request's window; a square one counts as cropped already.
    """
    folder = request.root / "celeba"
    pictures = celeba_pictures(folder)
    names, rows = _read_attributes(*_celeba_file(folder, "list_attr_celeba"))
    chosen = names if request.attributes is None else request.attributes
    columns = [_column(attribute, names) for attribute in chosen]
    parts = _read_partition(*_celeba_file(folder, "list_eval_partition"))

    number = {name: _picture_number(name) for name in sorted(pictures.names)}
    mine = [name for name in number if parts.get(number[name]) == SPLITS.index(request.split)]
    labelled = [name for name in mine if number[name] in rows]
    unlisted = sum(picture not in parts for picture in number.values()) + len(mine) - len(labelled)
    if not labelled:
        raise DataError(
            f"None of the {len(pictures.names):,} pictures in {folder} is in the split {request.split!r} of its "
            "list_eval_partition.txt and in its list_attr_celeba.txt."
        )
    decoded = decode("celeba", pictures.select(labelled), request.image_size, request.channels or 3, request.crop)
    labels = np.stack([rows[number[labelled[k]]] for k in decoded.kept])[:, columns]
    notes = decoding_notes(f"CelebA ({request.split})", decoded, request.image_size, pictures.left_out)
    if unlisted:
        notes.append(f"Left out because the lists of CelebA do not name them: {unlisted:,}.")
    dataset = make_dataset(
        "celeba", decoded.images, np.ascontiguousarray(labels), tuple(chosen), True, notes, decoded.digest
    )
    return replace(dataset, names=tuple(Path(labelled[k]).stem for k in decoded.kept))


def celeba_pictures(folder: Path) -> Pictures:
    unpacked, archive = folder / "img_align_celeba", folder / "img_align_celeba.zip"
    pictures = in_folder(unpacked) if unpacked.is_dir() else None
    if not (pictures and pictures.names) and archive.is_file():
        pictures = in_zip(archive)
    if pictures is None:
        raise DataError(
            f"CelebA is not in {folder}; fetch img_align_celeba.zip, list_attr_celeba.txt and "
            f"list_eval_partition.txt from {CELEBA_PAGE} and put them there, or name the data root that holds "
            "celeba/ (--data-root, or the variable GAN_STUDIO_DATA)."
        )
    if not pictures.names:
        raise DataError(
            f"There are no pictures in the img_align_celeba of {folder}; fetch img_align_celeba.zip from {CELEBA_PAGE}."
        )
    return pictures


def celeba_originals(root: Path) -> list[bytes]:
    """The encoded pictures of ROOT/celeba that have CelebA's aligned frame of 178 x 218, by name. Raises DataError."""
    pictures = celeba_pictures(root / "celeba")
    encoded = (pictures.read(name) for name in sorted(pictures.names))
    originals = [data for data in encoded if _size(data) == CELEBA_SIZE]
    if not originals:
        raise DataError(f"The pictures in {root / 'celeba'} are cropped already; this needs CelebA's own, 178 x 218.")
    return originals


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height, from the header."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except Exception:  # headers of damaged files raise nearly anything
        return None


def _celeba_file(folder: Path, stem: str) -> tuple[str, list[list[str]]]:
    """The name of the list that exists, CelebA's own .txt or Kaggle's .csv, and its lines split into words."""
    name = next((name for name in (f"{stem}.txt", f"{stem}.csv") if (folder / name).is_file()), None)
    if name is None:
        raise DataError(f"CelebA's {stem}.txt is not in {folder}; fetch it from {CELEBA_PAGE}.")
    path = folder / name
    text = path.read_bytes()
    if is_html(text[:512]):
        raise DataError(
            f"{path} is a web page (Google Drive's quota notice, most likely), not CelebA's list; fetch it again "
            f"from {CELEBA_PAGE}."
        )
    lines = text.decode("utf-8-sig", "replace").splitlines()
    if name.endswith(".csv"):
        return name, [[word.strip() for word in line.replace('"', "").split(",")] for line in lines]
    return name, [line.split() for line in lines]


def _read_attributes(file: str, lines: list[list[str]]) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """The names of the attributes, and (K,) uint8 0/1 for each picture. The .txt has a count, the names, then -1 or 1.
    The .csv has a header with the names, then -1 or 1, or 0 or 1."""
    table = file.endswith(".csv")
    start = 1 if table else 2
    names = tuple(lines[start - 1][table:]) if len(lines) >= start else ()
    off = "0" if table and any("0" in words[1:] for words in lines[start:]) else "-1"
    rows = {}
    for number, words in enumerate(lines[start:], start + 1):
        picture, *values = words or [""]
        if picture and (len(values) != len(names) or not set(values) <= {off, "1"}):
            raise DataError(
                f"Line {number} of {file} is not a picture's name and {len(names)} values of {off} or 1; "
                f"fetch the file again from {CELEBA_PAGE}."
            )
        rows[_picture_number(picture)] = np.array([value == "1" for value in values], np.uint8)
    return names, rows


def _read_partition(file: str, lines: list[list[str]]) -> dict[str, int]:
    """The split of each picture: 0 train, 1 valid, 2 test."""
    parts = {}
    for number, words in enumerate(lines, 1):
        if not any(words) or (number == 1 and file.endswith(".csv") and words[-1] not in ("0", "1", "2")):
            continue  # empty, or the header of a .csv
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise DataError(
                f"Line {number} of {file} is not a picture's name and 0, 1 or 2; "
                f"fetch the file again from {CELEBA_PAGE}."
            )
        parts[_picture_number(words[0])] = int(words[1])
    return parts


def _picture_number(name: str) -> str:
    """000001 from img_align_celeba/000001.jpg. The PNG edition has the same lists, which say 000001.jpg."""
    return name.rpartition("/")[2].partition(".")[0]


def _column(attribute: str, names: tuple[str, ...]) -> int:
    if attribute not in names:
        raise DataError(f"CelebA has no attribute {attribute!r}; {near_names(attribute, names)}")
    return names.index(attribute)
