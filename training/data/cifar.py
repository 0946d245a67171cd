"""CIFAR-10 (Krizhevsky 2009). Its own files are pickles, which are read by an unpickler that only allows arrays, lists and
numbers."""

import gzip
import io
import pickle
import tarfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import TrainingError
from .dataset import Dataset, Request, make_dataset
from .decoding import DataError, decode, decoding_notes, is_html
from .digits import fetch, resize_images
from .listing import in_zip

CIFAR_PAGE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


def read_cifar10(request: Request) -> Dataset:
    """CIFAR-10: 50,000 training and 10,000 test photographs, 32 x 32, ten classes. From its own files, else from
    cifar10/train.zip and test.zip with pictures CLASS/NNNN.jpg."""
    if request.split == "valid":
        raise DataError("CIFAR-10 has no split 'valid', only train and test.")
    if request.attributes is not None:
        raise DataError(f"CIFAR-10 has no attributes to choose from; it has the classes {', '.join(CLASSES)}.")
    zipped = request.root / ZIPPED / f"{request.split}.zip"
    unoriginal = zipped.is_file() and not any((request.root / name).exists() for name in (FOLDER, ARCHIVE))
    try:
        if not unoriginal and not any((request.root / name).exists() for name in (FOLDER, ARCHIVE)):
            # Only the archive: torchvision's CIFAR10(download=True) would also unpickle its content.
            fetch(
                request.root,
                request.root / ARCHIVE,
                lambda why: _missing_cifar(request.root, why),
                lambda datasets: datasets.utils.download_url(
                    CIFAR_PAGE, request.root, ARCHIVE, datasets.CIFAR10.tgz_md5
                ),
            )
        images, labels, said = _read_zip(zipped) if unoriginal else (*read_batches(request.root, request.split), [])
    except Refused as error:
        raise DataError(f"In {request.root}, {error}; delete it and fetch {CIFAR_PAGE} again.") from error
    except FileNotFoundError as error:
        raise DataError(
            f"{error.filename} is missing; fetch {CIFAR_PAGE} again and unpack it in {request.root}."
        ) from error
    if request.channels == 1:
        images = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images.transpose(0, 2, 3, 1)])[
            :, None
        ]
    if request.image_size != 32:
        images = np.stack([resize_images(channels, request.image_size) for channels in images])
    notes = [f"CIFAR-10 ({request.split}): {len(images):,} pictures.", *said]
    return replace(
        make_dataset("cifar10", images, labels, CLASSES, False, notes), altered=COPIES if COPIES in said else None
    )


def _missing_cifar(root: Path, why: str) -> None:
    raise DataError(
        f"CIFAR-10 is not in {root}{why}; put {CIFAR_PAGE} there, packed or not, or name the data root that holds "
        f"{FOLDER}/ (--data-root, or the variable GAN_STUDIO_DATA)."
    )


FOLDER, ARCHIVE, ZIPPED = "cifar-10-batches-py", "cifar-10-python.tar.gz", "cifar10"
BATCHES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MAX_BYTES = 2**26  # a batch has 31 MB
COPIES = "The pictures are JPEG copies, not the exact ones of CIFAR-10; so figures do not compare with published ones."


class Refused(TrainingError):
    """A file that is not a batch of CIFAR-10, or that would run code; a sentence without the file's name."""


def _latin(text: str, codec: str = "latin1") -> bytes:
    """How old pickles of Python 3 hold bytes. Other codecs could expand a few bytes to gigabytes."""
    if codec not in ("latin1", "latin-1"):
        raise Refused(f"it asks for the codec {codec!r:.40}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Allows only the parts of an array of numbers. Anything else could run code, and is refused."""

    KNOWN = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin,
        ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    }

    def find_class(self, module: str, name: str):
        try:
            return self.KNOWN[module, name]
        except KeyError:
            raise Refused(f"it asks for {module}.{name}, which no picture needs") from None


def read_batches(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures (N, 3, 32, 32) uint8 and classes (N,) int64 of a split, from ROOT/cifar-10-batches-py/, else from the
    downloaded archive in ROOT. Raises FileNotFoundError if there is neither, and Refused."""
    parts = [_batch(name, data) for name, data in _files(root, BATCHES[split])]
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def _read_zip(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The pictures and classes as from `read`, and notes, from a zip of CLASS/NNNN.jpg. Raises DataError."""
    pictures = in_zip(path, f"fetch it again, or {CIFAR_PAGE}")
    pictures = pictures.select(sorted(pictures.names))
    strange = next((name for name in pictures.names if name.split("/")[0] not in CLASSES or "/" not in name), None)
    if strange or not pictures.names:
        raise DataError(
            f"{path} holds {f'{strange!r}, which is in none of the folders' if strange else 'no picture in'} "
            f"{', '.join(CLASSES)}; it is no CIFAR-10."
        )
    decoded = decode("cifar10", pictures, 32, 3)
    labels = np.array([CLASSES.index(pictures.names[k].split("/")[0]) for k in decoded.kept], np.int64)
    notes = decoding_notes("", decoded, 32, pictures.left_out)[1:]
    if any(name.lower().endswith((".jpg", ".jpeg")) for name in pictures.names):
        notes.append(COPIES)
    return decoded.images, labels, notes


def _files(root: Path, names: tuple[str, ...]):
    """(name, bytes) of each file."""
    if (root / FOLDER).is_dir():
        for name in names:
            with open(root / FOLDER / name, "rb") as file:
                yield name, file.read(MAX_BYTES)
        return
    with open(root / ARCHIVE, "rb") as file:
        if is_html(file.read(512)):
            raise Refused(f"{ARCHIVE} is a web page (an error or quota notice), not an archive")
    try:
        with gzip.open(root / ARCHIVE) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for name in names:
                yield name, archive.extractfile(f"{FOLDER}/{name}").read(MAX_BYTES)
            while stream.read(2**20):  # read to the end, where the checksum is
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, KeyError, EOFError, AttributeError) as error:
        raise Refused(f"{ARCHIVE} is truncated, damaged or another archive") from error


def _batch(name: str, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    if is_html(data[:512]):
        raise Refused(f"{name} is a web page (an error or quota notice), no batch of CIFAR-10")
    try:
        content = _Unpickler(io.BytesIO(data), encoding="bytes").load()
        images, labels = content[b"data"], np.asarray(content[b"labels"])
        if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072 or labels.shape != images.shape[:1]:
            raise Refused(f"its pictures have the shape {images.shape} and its labels {labels.shape}")
        if labels.dtype.kind not in "iu" or len(labels) == 0 or not ((labels >= 0) & (labels < len(CLASSES))).all():
            raise Refused("its labels are not numbers from 0 to 9")
        return images.reshape(-1, 3, 32, 32), labels.astype(np.int64)
    except Refused as error:
        raise Refused(f"{name} is no batch of CIFAR-10: {error}") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise Refused(f"{name} is damaged or no batch of CIFAR-10") from error
