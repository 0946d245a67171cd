"""Data sets: read once, kept as uint8, dealt out by image number.

MNIST, FashionMNIST, CIFAR-10 and CelebA are read from torchvision's layout of folders by code of our own (no `processed/` folder,
no pickle but CIFAR-10's own, in cifar.py); any other name is a folder of images. Pictures that have to be decoded: decoding.py.
"""

import contextlib
import difflib
import gzip
import hashlib
import io
import os
import re
import struct
import sys
import textwrap
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_models.latents import Stream, philox

from . import cifar
from .decoding import (CELEBA_PAGE, CELEBA_SIZE, SUFFIXES, DataError, Pictures, decode, hidden,
                       image_names, in_folder, in_zip, is_html, notes_of)

SPLITS = ("train", "valid", "test")
CIFAR_PAGE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
DIGITS = tuple("0123456789")
GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@dataclass(frozen=True)
class Dataset:
    """Images and labels in memory, or mapped into it.

    images (N, C, H, W) uint8; labels (N,) int64 classes, (N, K) uint8 attributes 0/1 (multi_label), or None; label_names the
    classes or attributes; checksum of images, labels and names, to notice changed data; notes: sentences to say aloud;
    names: CelebA's file names without their ending, by which its training half of a judge is told apart; else None.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    label_names: tuple[str, ...] | None
    multi_label: bool
    checksum: str
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def order(self, start: int, count: int, seed: int) -> np.ndarray:
        """Which images are shown as number start .. start + count - 1 of a run: indices (count,) int64.

        Every epoch is a permutation of its own. The answer is a function of (seed, image number) alone.
        """
        epochs, places = np.divmod(np.arange(start, start + count, dtype=np.int64), len(self))
        indices = np.empty(count, np.int64)
        for epoch in np.unique(epochs):
            shown = epochs == epoch
            indices[shown] = _permutation(len(self), seed, int(epoch))[places[shown]]
        return indices

    def batch(self, indices: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Images (n, C, H, W) uint8 and labels: (n,) int64 classes, (n, K) float32 attributes 0..1, or None."""
        images = torch.from_numpy(np.array(self.images[indices]))
        if self.labels is None:
            return images, None
        labels = torch.from_numpy(self.labels[indices])
        return images, labels.float() if self.multi_label else labels


@lru_cache(maxsize=4)
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    return philox(seed, epoch, Stream.DATA_ORDER).permutation(n)


def to_float(images: Tensor) -> Tensor:
    """uint8 images -> float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


@dataclass(frozen=True)
class Request:
    """What is asked of a reader."""

    root: Path
    image_size: int
    split: str
    channels: int | None
    attributes: tuple[str, ...] | None
    crop: tuple[int, int, int]


def open_dataset(name_or_folder: str | os.PathLike, root: str | os.PathLike | None, image_size: int, *, split: str = "train",
                 channels: int | None = None, attributes: Sequence[str] | None = None,
                 crop: tuple[int, int, int] = (25, 48, 128)) -> Dataset:
    """A data set by name (a key of READERS, from the data root) or a folder of images.

    root: the data root; None is the variable GAN_STUDIO_DATA, else ./data. channels: 1 (grey) or 3; None is what the data
    set has (a folder: 3). attributes: which of CelebA's, in which order; None is all. crop: (left, top, size), the window
    of CelebA's aligned 178 x 218 frame that is taken. Pictures smaller than image_size are left out, as a note says.
    A folder: sub-folders train/, valid/, test/ are the splits, without them all of it is "train"; two or more sub-folders
    that all hold images, with no image beside them, are classes; else there are no labels.

    Raises DataError.
    """
    root = Path(root or os.environ.get("GAN_STUDIO_DATA") or "data").expanduser()
    attributes = None if attributes is None else tuple(attributes)
    request = Request(root, image_size, split, channels, attributes, tuple(crop))
    _check(request)
    name = os.fspath(name_or_folder)
    reader = READERS.get(re.sub("[-_ ]", "", name.lower()))
    try:
        if reader:
            return reader(request)
        if Path(name).is_dir():
            return read_folder(Path(name), request)
    except OSError as error:
        raise DataError(f"The data of {name} cannot be read: {error}.") from error
    if Path(name).exists():
        raise DataError(f"{name} is a file; give a folder of images, or one of {', '.join(READERS)}.")
    raise DataError(f"There is no data set and no folder {name!r}; {_near(name, tuple(READERS))}")


def _check(request: Request) -> None:
    if request.split not in SPLITS:
        raise DataError(f"There is no split {request.split!r}; the splits are {', '.join(SPLITS)}.")
    if not isinstance(request.image_size, int) or not 1 <= request.image_size <= 4096:
        raise DataError(f"The image size must be a whole number from 1 to 4096, not {request.image_size!r}.")
    if request.channels not in (None, 1, 3):
        raise DataError(f"Images have 1 channel (grey) or 3 (colour), not {request.channels!r}.")
    if len(request.crop) != 3 or not all(isinstance(number, int) for number in request.crop):
        raise DataError(f"The crop is three whole numbers (left, top, size), not {request.crop}.")
    left, top, size = request.crop
    if min(left, top) < 0 or size < 1 or left + size > CELEBA_SIZE[0] or top + size > CELEBA_SIZE[1]:
        raise DataError(f"The crop (left, top, size) = {request.crop} does not lie inside CelebA's 178 x 218 frame.")


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=3, cutoff=0.5)
    near = [k for k in known if k.lower() in near]
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}."


def _dataset(name: str, images: np.ndarray, labels: np.ndarray | None, label_names: tuple[str, ...] | None,
             multi_label: bool, notes: Sequence[str], images_digest: str | None = None) -> Dataset:
    digest = hashlib.sha256((images_digest or hashlib.sha256(images).hexdigest()).encode())
    if labels is not None:
        digest.update(np.ascontiguousarray(labels))
        digest.update("\n".join(label_names).encode())
    return Dataset(name, images, labels, label_names, multi_label, digest.hexdigest()[:16], tuple(notes))


# ---- MNIST, FashionMNIST, StackedMNIST, CIFAR-10 ---------------------------------------------------------------------


def read_mnist(request: Request) -> Dataset:
    """The handwritten digits of LeCun, Cortes and Burges: 60,000 to train, 10,000 to test, 28 x 28, grey."""
    return _read_digits("mnist", "MNIST", DIGITS, request)


def read_fashionmnist(request: Request) -> Dataset:
    """Zalando's garments (Xiao et al. 2017), in the format of MNIST."""
    return _read_digits("fashionmnist", "FashionMNIST", GARMENTS, request)


def read_stackedmnist(request: Request) -> Dataset:
    """Three random digits of MNIST as the three channels of a picture: 1,000 classes, of which a generator can be asked how many
    it draws (Metz et al. 2017, arXiv:1611.02163). 128,000 to train, as is customary, from the training digits; 26,000 to test
    from the others. Which digits are in picture k is a function of k alone."""
    if request.channels == 1:
        raise DataError("StackedMNIST has three channels; leave it three, or take mnist.")
    digits = read_mnist(replace(request, channels=1))
    count, stream = {"train": (128_000, 0), "test": (26_000, 1)}[request.split]
    chosen = philox(0, stream, Stream.STACKED).integers(len(digits), size=(count, 3))
    images, labels = digits.images[chosen, 0], digits.labels[chosen] @ (100, 10, 1)
    notes = [f"StackedMNIST ({request.split}): {count:,} pictures of three digits each, of {len(digits):,}."]
    return _dataset("stackedmnist", images, labels, tuple(f"{k:03d}" for k in range(1000)), False, notes)


def read_cifar10(request: Request) -> Dataset:
    """CIFAR-10 (Krizhevsky 2009): 50,000 photographs to train, 10,000 to test, 32 x 32, ten classes."""
    if request.split == "valid":
        raise DataError("CIFAR-10 has no split 'valid', only train and test.")
    if request.attributes is not None:
        raise DataError(f"CIFAR-10 has no attributes to choose from; it has the classes {', '.join(cifar.CLASSES)}.")
    try:
        if not any((request.root / name).exists() for name in (cifar.FOLDER, cifar.ARCHIVE)):
            # Only the archive: torchvision's CIFAR10(download=True) would also unpickle what is in it.
            _fetch(request.root, request.root / cifar.ARCHIVE, lambda why: _missing_cifar(request.root, why),
                   lambda datasets: datasets.utils.download_url(CIFAR_PAGE, request.root, cifar.ARCHIVE,
                                                                datasets.CIFAR10.tgz_md5))
        images, labels = cifar.read(request.root, request.split)
    except cifar.Refused as error:
        raise DataError(f"In {request.root}, {error}; delete it and fetch {CIFAR_PAGE} again.") from error
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} is missing; fetch {CIFAR_PAGE} again and unpack it in {request.root}.") from error
    if request.channels == 1:
        images = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images.transpose(0, 2, 3, 1)])[:, None]
    if request.image_size != 32:
        images = np.stack([_resize(channels, request.image_size) for channels in images])
    notes = [f"CIFAR-10 ({request.split}): {len(images):,} pictures."]
    return _dataset("cifar10", images, labels, cifar.CLASSES, False, notes)


def _missing_cifar(root: Path, why: str) -> None:
    raise DataError(f"CIFAR-10 is not in {root}{why}; put {CIFAR_PAGE} there, packed or not, or name the data root that holds "
                    f"{cifar.FOLDER}/ (--data-root, or the variable GAN_STUDIO_DATA).")


def _read_digits(name: str, folder: str, label_names: tuple[str, ...], request: Request) -> Dataset:
    if request.split == "valid":
        raise DataError(f"{folder} has no split 'valid', only train and test.")
    if request.attributes is not None:
        raise DataError(f"{folder} has no attributes to choose from; it has the classes {', '.join(label_names)}.")
    part = {"train": "train", "test": "t10k"}[request.split]
    raw = request.root / folder / "raw"
    files = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
    if not all(map(_find_idx, [raw / file for file in files])):
        _fetch(request.root, raw, lambda why: _missing_digits(folder, raw, why),
               lambda datasets: getattr(datasets, folder)(request.root, download=True))
    images, labels = (read_idx(_find_idx(raw / file) or _missing_digits(folder, raw)) for file in files)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise DataError(f"The files {files[0]} {images.shape} and {files[1]} {labels.shape} in {raw} do not belong together; "
                        "fetch them again.")
    if len(labels) == 0 or labels.max() >= len(label_names):
        raise DataError(f"{files[1]} in {raw} holds other labels than 0 to {len(label_names) - 1}; fetch it again.")
    images = _resize_digits(images, request.image_size)[:, None]
    if request.channels == 3:
        images = np.repeat(images, 3, axis=1)
    notes = [f"{folder} ({request.split}): {len(images):,} pictures."]
    return _dataset(name, images, labels.astype(np.int64), label_names, False, notes)


def _resize_digits(images: np.ndarray, size: int) -> np.ndarray:
    if size == 28:
        return images
    if size == 32:  # the customary way for networks that halve their input five times
        return np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return _resize(images, size)


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    """Grey pictures, or the channels of one: (n, H, W) -> (n, size, size)."""
    return np.stack([np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)) for image in images])


def _find_idx(path: Path) -> Path | None:
    return next((file for file in (path, path.with_name(path.name + ".gz")) if file.is_file()), None)


def _missing_digits(folder: str, raw: Path, why: str = "") -> Path:
    raise DataError(f"{folder} is not in {raw}{why}; put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
                    "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz there, or name the data root that holds "
                    f"{folder}/raw/ (--data-root, or the variable GAN_STUDIO_DATA).")


def _fetch(root: Path, place: Path, missing: Callable[[str], None], download: Callable) -> None:
    """download(torchvision.datasets) into `place`, which is not there yet, with torchvision's checksums; missing(why) where it
    cannot."""
    try:
        from torchvision import datasets
    except ImportError:
        missing(" and torchvision, which would download it, is not installed")
    fresh = [path for path in (place, place.parent, root) if not path.exists()]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
            download(datasets)
    except (RuntimeError, OSError) as error:
        for path in fresh:
            with contextlib.suppress(OSError):  # not there, or no longer empty
                path.unlink() if path.is_file() else path.rmdir()
        missing(f" and downloading it failed ({textwrap.shorten(str(error), 200, placeholder=' ...')})")


def read_idx(path: Path) -> np.ndarray:
    """An idx file of bytes, gzipped or not: uint8 of the shape in its header (yann.lecun.com/exdb/mnist). Raises DataError."""
    again = "delete it and fetch it again."
    with open(path, "rb") as file:
        start = file.read(512)
    if is_html(start):
        raise DataError(f"{path} is a web page (an error or quota notice), not an archive; {again}")
    try:
        with (gzip.open if start[:2] == b"\x1f\x8b" else open)(path, "rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 3:
                found = magic.hex(" ") or "missing"
                raise DataError(f"{path} is not an idx file of bytes (its first bytes are {found}); {again}")
            shape = struct.unpack(f">{magic[3]}I", file.read(4 * magic[3]))
            expected = int(np.prod(shape, dtype=object))
            if expected > 2**30:
                raise DataError(f"{path} claims the absurd shape {shape}; {again}")
            data = file.read(expected + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise DataError(f"{path} is truncated or damaged; {again}") from error
    if len(data) != expected:
        raise DataError(f"{path} holds {'more' if len(data) > expected else 'fewer'} bytes than the {expected:,} of its header "
                        f"(truncated or damaged); {again}")
    return np.frombuffer(data, np.uint8).reshape(shape)


# ---- CelebA ----------------------------------------------------------------------------------------------------------


def read_celeba(request: Request) -> Dataset:
    """202,599 faces with 40 attributes (Liu et al. 2015, "Deep learning face attributes in the wild"), or any part of them.

    A 178 x 218 picture is cropped by the request's window; a square one is taken as cropped already.
    """
    folder = request.root / "celeba"
    pictures = _celeba_pictures(folder)
    names, rows = _read_attributes(_celeba_file(folder, "list_attr_celeba.txt"))
    chosen = names if request.attributes is None else request.attributes
    columns = [_column(attribute, names) for attribute in chosen]
    parts = _read_partition(_celeba_file(folder, "list_eval_partition.txt"))

    number = {name: _number(name) for name in sorted(pictures.names)}
    mine = [name for name in number if parts.get(number[name]) == SPLITS.index(request.split)]
    labelled = [name for name in mine if number[name] in rows]
    unlisted = sum(picture not in parts for picture in number.values()) + len(mine) - len(labelled)
    if not labelled:
        raise DataError(f"None of the {len(pictures.names):,} pictures in {folder} is in the split {request.split!r} of its "
                        "list_eval_partition.txt and in its list_attr_celeba.txt.")
    decoded = decode("celeba", pictures.select(labelled), request.image_size, request.channels or 3, request.crop)
    labels = np.stack([rows[number[labelled[k]]] for k in decoded.kept])[:, columns]
    notes = notes_of(f"CelebA ({request.split})", decoded, request.image_size)
    if unlisted:
        notes.append(f"Left out because the lists of CelebA do not name them: {unlisted:,}.")
    dataset = _dataset("celeba", decoded.images, np.ascontiguousarray(labels), tuple(chosen), True, notes, decoded.digest)
    return replace(dataset, names=tuple(Path(labelled[k]).stem for k in decoded.kept))


def _celeba_pictures(folder: Path) -> Pictures:
    unpacked, archive = folder / "img_align_celeba", folder / "img_align_celeba.zip"
    pictures = in_folder(unpacked) if unpacked.is_dir() else None
    if not (pictures and pictures.names) and archive.is_file():
        pictures = in_zip(archive)
    if pictures is None:
        raise DataError(f"CelebA is not in {folder}; fetch img_align_celeba.zip, list_attr_celeba.txt and "
                        f"list_eval_partition.txt from {CELEBA_PAGE} and put them there, or name the data root that holds "
                        "celeba/ (--data-root, or the variable GAN_STUDIO_DATA).")
    if not pictures.names:
        raise DataError(f"There are no pictures in the img_align_celeba of {folder}; fetch img_align_celeba.zip "
                        f"from {CELEBA_PAGE}.")
    return pictures


def celeba_originals(root: Path) -> list[bytes]:
    """The encoded pictures of ROOT/celeba that still have CelebA's aligned frame, 178 x 218, by name. Raises DataError."""
    pictures = _celeba_pictures(root / "celeba")
    encoded = (pictures.read(name) for name in sorted(pictures.names))
    originals = [data for data in encoded if _size(data) == CELEBA_SIZE]
    if not originals:
        raise DataError(f"The pictures in {root / 'celeba'} are cropped already; this needs CelebA's own of 178 x 218.")
    return originals


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height, from the header alone."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except Exception:  # headers of damaged files raise nearly anything
        return None


def _celeba_file(folder: Path, name: str) -> list[str]:
    path = folder / name
    if not path.is_file():
        raise DataError(f"CelebA's {name} is not in {folder}; fetch it from {CELEBA_PAGE}.")
    text = path.read_bytes()
    if is_html(text[:512]):
        raise DataError(f"{path} is a web page (Google Drive's quota notice, most likely), not CelebA's list; fetch it again "
                        f"from {CELEBA_PAGE}.")
    return text.decode("utf-8", "replace").splitlines()


def _read_attributes(lines: list[str]) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Names of the attributes, and for each picture (K,) uint8 0/1. The file: a count, the names, then -1 or 1 for each."""
    names = tuple(lines[1].split()) if len(lines) > 1 else ()
    rows = {}
    for number, line in enumerate(lines[2:], 3):
        picture, *values = line.split() or [""]
        if picture and (len(values) != len(names) or not set(values) <= {"-1", "1"}):
            raise DataError(f"Line {number} of list_attr_celeba.txt is not a picture's name and {len(names)} values of -1 or 1; "
                            f"fetch the file again from {CELEBA_PAGE}.")
        rows[_number(picture)] = np.array([value == "1" for value in values], np.uint8)
    return names, rows


def _read_partition(lines: list[str]) -> dict[str, int]:
    """For each picture 0 train, 1 valid, 2 test."""
    parts = {}
    for number, line in enumerate(filter(None, map(str.strip, lines)), 1):
        picture, _, part = line.partition(" ")
        if part.strip() not in ("0", "1", "2"):
            raise DataError(f"Line {number} of list_eval_partition.txt is not a picture's name and 0, 1 or 2; "
                            f"fetch the file again from {CELEBA_PAGE}.")
        parts[_number(picture)] = int(part)
    return parts


def _number(name: str) -> str:
    """000001 of img_align_celeba/000001.jpg: the PNG edition has the same lists, which say 000001.jpg."""
    return name.rpartition("/")[2].partition(".")[0]


def _column(attribute: str, names: tuple[str, ...]) -> int:
    if attribute not in names:
        raise DataError(f"CelebA has no attribute {attribute!r}; {_near(attribute, names)}")
    return names.index(attribute)


# ---- A folder of images ----------------------------------------------------------------------------------------------


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
        return _dataset(name, decoded.images, None, None, False, notes, decoded.digest)
    number = {label: k for k, label in enumerate(classes)}
    labels = np.array([number[pictures.names[k].split("/")[0]] for k in decoded.kept], np.int64)
    return _dataset(name, decoded.images, labels, classes, False, notes, decoded.digest)


def _classes(folder: Path) -> tuple[str, ...] | None:
    """The sub-folders, if there are two or more that all hold images and no image lies beside them."""
    names = image_names(folder)
    holding = {name.split("/")[0] for name in names}
    subfolders = {path.name for path in folder.iterdir() if path.is_dir() and not hidden(path.name)}
    return tuple(sorted(subfolders)) if len(subfolders) > 1 and holding == subfolders else None


# Another data set is one more reader here: CIFAR-10's batches, a data set of the Hub.
READERS: dict[str, Callable[[Request], Dataset]] = {
    "mnist": read_mnist, "fashionmnist": read_fashionmnist, "stackedmnist": read_stackedmnist, "cifar10": read_cifar10,
    "celeba": read_celeba,
}
