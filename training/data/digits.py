"""MNIST, FashionMNIST and StackedMNIST, from idx files."""

import contextlib
import gzip
import struct
import sys
import textwrap
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gan_models.rng import Stream, philox

from .dataset import Dataset, Request, make_dataset
from .decoding import DataError, is_html

DIGITS = tuple("0123456789")
GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def read_mnist(request: Request) -> Dataset:
    """The handwritten digits of LeCun, Cortes and Burges: 60,000 for training, 10,000 for testing, 28 x 28, grey."""
    return _read_digits("mnist", "MNIST", DIGITS, request)


def read_fashionmnist(request: Request) -> Dataset:
    """Zalando's garments (Xiao et al. 2017), in the format of MNIST."""
    return _read_digits("fashionmnist", "FashionMNIST", GARMENTS, request)


def read_stackedmnist(request: Request) -> Dataset:
    """Three random MNIST digits as the three channels of a picture: 1,000 classes, to count how many modes a generator
    covers (Metz et al. 2017, arXiv:1611.02163). 128,000 pictures for training, as is usual, from the training digits;
    26,000 for testing from the test digits. The digits of picture k are a function of k alone."""
    if request.channels == 1:
        raise DataError("StackedMNIST has three channels; use three, or take mnist.")
    digits = read_mnist(replace(request, channels=1))
    count, stream = {"train": (128_000, 0), "test": (26_000, 1)}[request.split]
    chosen = philox(0, stream, Stream.STACKED).integers(len(digits), size=(count, 3))
    images, labels = digits.images[chosen, 0], digits.labels[chosen] @ (100, 10, 1)
    notes = [f"StackedMNIST ({request.split}): {count:,} pictures of three digits each, of {len(digits):,}."]
    return make_dataset("stackedmnist", images, labels, tuple(f"{k:03d}" for k in range(1000)), False, notes)


def _read_digits(name: str, folder: str, label_names: tuple[str, ...], request: Request) -> Dataset:
    if request.split == "valid":
        raise DataError(f"{folder} has no split 'valid', only train and test.")
    if request.attributes is not None:
        raise DataError(f"{folder} has no attributes to choose from; it has the classes {', '.join(label_names)}.")
    part = {"train": "train", "test": "t10k"}[request.split]
    raw = request.root / folder / "raw"
    files = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
    if not all(map(_find_idx, [raw / file for file in files])):
        fetch(
            request.root,
            raw,
            lambda why: _missing_digits(folder, raw, why),
            lambda datasets: getattr(datasets, folder)(request.root, download=True),
        )
    images, labels = (read_idx(_find_idx(raw / file) or _missing_digits(folder, raw)) for file in files)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise DataError(
            f"The files {files[0]} {images.shape} and {files[1]} {labels.shape} in {raw} do not belong together; "
            "fetch them again."
        )
    if len(labels) == 0 or labels.max() >= len(label_names):
        raise DataError(f"{files[1]} in {raw} holds other labels than 0 to {len(label_names) - 1}; fetch it again.")
    images = _resize_digits(images, request.image_size)[:, None]
    if request.channels == 3:
        images = np.repeat(images, 3, axis=1)
    notes = [f"{folder} ({request.split}): {len(images):,} pictures."]
    return make_dataset(name, images, labels.astype(np.int64), label_names, False, notes)


def _resize_digits(images: np.ndarray, size: int) -> np.ndarray:
    if size == 28:
        return images
    if size == 32:  # padded, as is usual for networks that halve their input five times
        return np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return resize_images(images, size)


def resize_images(images: np.ndarray, size: int) -> np.ndarray:
    """Resize grey pictures, or the channels of one: (n, H, W) -> (n, size, size)."""
    return np.stack(
        [np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)) for image in images]
    )


def _find_idx(path: Path) -> Path | None:
    """The path of an idx file, gzipped or not, with a dash before `idx` as in the original or with a dot as in copies."""
    names = (path.name, path.name + ".gz", path.name.replace("-idx", ".idx"), path.name.replace("-idx", ".idx") + ".gz")
    return next((file for name in names if (file := path.with_name(name)).is_file()), None)


def _missing_digits(folder: str, raw: Path, why: str = "") -> Path:
    raise DataError(
        f"{folder} is not in {raw}{why}; put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
        "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz there, or name the data root that holds "
        f"{folder}/raw/ (--data-root, or the variable GAN_STUDIO_DATA)."
    )


def fetch(root: Path, place: Path, missing: Callable[[str], None], download: Callable) -> None:
    """Call download(torchvision.datasets) into the new folder `place`, with torchvision's checksums; missing(why) if
    that fails."""
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
            with contextlib.suppress(OSError):  # missing, or not empty
                path.unlink() if path.is_file() else path.rmdir()
        missing(f" and downloading it failed ({textwrap.shorten(str(error), 200, placeholder=' ...')})")


def read_idx(path: Path) -> np.ndarray:
    """The content of an idx file of bytes, gzipped or not: uint8 with the shape in its header
    (yann.lecun.com/exdb/mnist). Raises DataError."""
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
        raise DataError(
            f"{path} holds {'more' if len(data) > expected else 'fewer'} bytes than the {expected:,} of its header "
            f"(truncated or damaged); {again}"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
