"""Decodes the pictures of a folder or archive, in any format, once, into a file in the user's cache folder. Later runs map
that file into memory."""

import contextlib
import hashlib
import io
import json
import lzma
import os
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from gan_models.celeba import CELEBA_SIZE
from gan_models.files import cache_folder
from gan_models.images import plain, register_heif, white_of
from gan_models.sizes import Size, in_words, sides

from ..errors import TrainingError

CACHE_VERSION = 1  # increase it when the same files decode to other pixels
# Formats that Pillow opens, but that start programs, need handlers of other packages, or are not pictures.
NOT_READ = frozenset(("EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5", "IPTC", "FPX", "MIC"))


class DataError(TrainingError):
    """A data set that is missing, damaged or not what it should be: one sentence on what is wrong and what to do."""


def is_html(start: bytes) -> bool:
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:5].lower() in (b"<!doc", b"<html", b"<head", b"<?xml")


@lru_cache(maxsize=1)
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that can be read."""
    register_heif()
    Image.init()
    return tuple(sorted(set(Image.OPEN) - NOT_READ))


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures: their names, a fingerprint of each to notice changes, and how to read one.

    place: their folder, if it is one. folders: the names of all sub-folders. left_out: the number of other files, by
    reason. one_by_one: whether they can be read fast only in order.
    """

    names: list[str]
    stamps: list
    read: Callable[[str], bytes]
    place: Path | None = None
    folders: frozenset[str] = frozenset()
    left_out: dict[str, int] = field(default_factory=dict)
    one_by_one: bool = False

    def select(self, names: list[str]) -> "Pictures":
        stamps = dict(zip(self.names, self.stamps))
        return replace(self, names=names, stamps=[stamps[name] for name in names])

    def below(self, folder: str) -> "Pictures":
        """The pictures of a sub-folder, with their names in it."""
        start = f"{folder}/"
        chosen = [k for k, name in enumerate(self.names) if name.startswith(start)]
        return replace(
            self,
            names=[self.names[k].removeprefix(start) for k in chosen],
            stamps=[self.stamps[k] for k in chosen],
            read=lambda name: self.read(start + name),
            place=self.place and (self.place / folder).resolve(),
            folders=frozenset(name.removeprefix(start) for name in self.folders if name.startswith(start)),
        )


ORIENTATION = 274  # the tag of EXIF
TOO_SMALL, UNREADABLE, UNSCALED = "too small", "unreadable", "unscaled"


def decode_one(
    data: bytes, image_size: Size, channels: int, window: tuple[int, int, int] | None = None
) -> np.ndarray | str:
    """One encoded picture -> (C, H, W) uint8 of that size, or TOO_SMALL, UNREADABLE, or UNSCALED (32 bits with an unknown
    white level).

    window: (left, top, size) of a 178 x 218 picture. Any other picture is cropped around its centre to the proportions
    of the size. The resampling filter is Lanczos: antialiased, the sharpest of Pillow, and the one that was used for the
    data of Progressive GAN and StyleGAN.
    """
    height, width = sides(image_size)
    try:
        with Image.open(io.BytesIO(data), formats=readable_formats()) as picture:
            aligned = window is not None and picture.size == CELEBA_SIZE
            lies = height != width and picture.getexif().get(ORIENTATION) in (5, 6, 7, 8)  # stored sideways
            across, down = (window[2],) * 2 if aligned else picture.size[::-1] if lies else picture.size
            if across < width or down < height:
                return TOO_SMALL
            if not aligned:
                # A large JPEG is decoded at 1/2, 1/4 or 1/8, never below twice the size that Lanczos then makes.
                picture.draft(None, (2 * height, 2 * width) if lies else (2 * width, 2 * height))
            try:
                white = white_of(picture)
            except ValueError:
                return UNSCALED
            ImageOps.exif_transpose(picture, in_place=True)
            picture = _crop(picture, window if aligned else None, width, height)
            picture = plain(picture, "L" if channels == 1 else "RGB", white)
            if picture.size != (width, height):
                picture = picture.resize((width, height), Image.Resampling.LANCZOS)
            array = np.asarray(picture)
    except Exception:  # decoders of damaged files raise nearly anything; the picture is counted as unreadable
        return UNREADABLE
    return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _crop(picture: Image.Image, window: tuple[int, int, int] | None, width: int, height: int) -> Image.Image:
    """The largest part with these proportions around the centre of the picture, or of its window."""
    left, top, across, down = (*window, window[2]) if window else (0, 0, *picture.size)
    wide, high = min(across, down * width // height), min(down, across * height // width)
    left, top = left + (across - wide) // 2, top + (down - high) // 2
    return picture.crop((left, top, left + wide, top + high))


@dataclass(frozen=True)
class Decoded:
    """images (N, C, H, W) uint8, the indices of the N pictures among all, the counts of others, digest of the images."""

    images: np.ndarray
    kept: list[int]
    small: int
    unreadable: list[str]
    digest: str
    unscaled: tuple[str, ...] | list[str] = ()
    note: str | None = None


def decode(
    name: str, pictures: Pictures, image_size: Size, channels: int, window: tuple[int, int, int] | None = None
) -> Decoded:
    """All pictures, from the cache, or decoded into it. Raises DataError if no picture is usable."""
    place = [] if pictures.place is None else [str(pictures.place)]
    stamps = [place + stamp for stamp in pictures.stamps]
    what = [CACHE_VERSION, image_size, channels, window, pictures.names, stamps]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    path = cache_folder() / "datasets" / f"{re.sub('[^a-zA-Z0-9-]', '_', name)[:40]}-{in_words(image_size)}px-{key}.npy"
    decoded = _from_cache(path)
    if decoded is None:
        decoded = _decode_all(name, pictures, image_size, channels, window, path)
    if not decoded.kept:
        unreadable = len(decoded.unreadable) + len(decoded.unscaled)
        raise DataError(
            f"None of the {len(pictures.names):,} pictures of {name} can be used: {decoded.small:,} are smaller than "
            f"{in_words(image_size)} px and {unreadable:,} cannot be read; choose a smaller image size or other "
            "pictures."
        )
    return decoded


def _from_cache(path: Path) -> Decoded | None:
    """The pictures in the cache; None if there are none, or they are damaged or were changed."""
    try:
        index = json.loads(path.with_suffix(".json").read_bytes())
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        # Comparing the digest takes seconds for large sets, so it is done only if the file's time has changed.
        if path.stat().st_mtime_ns != index["mtime"] and hashlib.sha256(images).hexdigest() != index["digest"]:
            return None
        if len(images) != len(index["kept"]):
            return None
        return Decoded(
            images, index["kept"], index["small"], index["unreadable"], index["digest"], index.get("unscaled", [])
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _decode_all(name: str, pictures: Pictures, image_size: Size, channels: int, window, path: Path) -> Decoded:
    """Decode into the cache file, or into memory if the cache cannot be written."""
    shape = (channels, *sides(image_size))
    try:
        _write_cache(path, shape, _stream(name, pictures, image_size, channels, window), pictures.names)
        reason = "the written file cannot be read back"
    except OSError as error:
        reason = error.strerror or str(error)
    if decoded := _from_cache(path):  # written by this process, or by another one of the same run
        return decoded
    images = np.empty((len(pictures.names), *shape), np.uint8)
    index = _collect(_stream(name, pictures, image_size, channels, window), pictures.names, images.__setitem__)
    note = f"The cache in {path.parent} cannot be written ({reason}), so the pictures are decoded again for every run."
    return Decoded(images[: len(index["kept"])], **index, note=note)


def _stream(name: str, pictures: Pictures, image_size: Size, channels: int, window) -> Iterator[np.ndarray | str]:
    """The result of `decode_one` for every picture, in order. Pillow releases Python's lock, so threads are enough."""

    def read(picture: str) -> bytes | None:
        try:
            return pictures.read(picture)
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            RuntimeError,
            NotImplementedError,
            ValueError,
            struct.error,
        ):
            return None  # a damaged or locked member

    def one(picture: str | bytes | None) -> np.ndarray | str:
        data = read(picture) if isinstance(picture, str) else picture
        return UNREADABLE if data is None else decode_one(data, image_size, channels, window)

    # Pictures at a time, to limit the memory for decoded or encoded ones.
    names, some = pictures.names, 64 if pictures.one_by_one else 1024
    progress = tqdm(total=len(names), desc=f"Decoding {name}", unit=" pictures", delay=2, mininterval=1)
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress as bar:
        for start in range(0, len(names), some):
            few = names[start : start + some]
            for result in pool.map(one, map(read, few) if pictures.one_by_one else few):
                yield result
                bar.update()


def _collect(results: Iterator[np.ndarray | str], names: list[str], put: Callable[[int, np.ndarray], None]) -> dict:
    """Pass each usable image to put(place, image); return the counts and indices of all pictures."""
    kept, small, unreadable, unscaled, digest = [], 0, [], [], hashlib.sha256()
    for k, result in enumerate(results):
        if isinstance(result, np.ndarray):
            put(len(kept), result)
            digest.update(result)
            kept.append(k)
        elif result == TOO_SMALL:
            small += 1
        elif result == UNSCALED:
            unscaled.append(names[k])
        else:
            unreadable.append(names[k])
    found = {"kept": kept, "small": small, "unreadable": unreadable, "digest": digest.hexdigest()}
    return found | ({"unscaled": unscaled} if unscaled else {})


def _write_cache(path: Path, shape: tuple[int, ...], results: Iterator[np.ndarray | str], names: list[str]) -> None:
    """Write an .npy file and a .json that describes it, each to a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    # Several processes of a run may decode at once. Each has its own temporary names, and all write the same content.
    temporary, temporary_index = (path.with_name(f".{path.stem}.{os.getpid()}.{kind}.tmp") for kind in ("npy", "json"))
    try:
        with open(temporary, "wb") as file:
            file.write(_npy_header((0, *shape)))
            index = _collect(results, names, lambda place, image: file.write(image))
            file.seek(0)
            file.write(_npy_header((len(index["kept"]), *shape)))  # now that their number is known
            file.flush()
            os.fsync(file.fileno())
        index["mtime"] = temporary.stat().st_mtime_ns
        temporary_index.write_text(json.dumps(index))
        os.replace(temporary, path)
        os.replace(temporary_index, path.with_suffix(".json"))
    finally:
        temporary.unlink(missing_ok=True)
        temporary_index.unlink(missing_ok=True)


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """The header of a uint8 array's .npy file. It leaves room for a first axis of any length, so that all are of one
    length."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files of runs that were killed while decoding."""
    for file in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > 24 * 3600:
                file.unlink()


def decoding_notes(title: str, decoded: Decoded, image_size: Size, left_out: dict[str, int] | None = None) -> list[str]:
    notes = [f"{title}: {len(decoded.kept):,} pictures."]
    if decoded.small:
        notes.append(f"Left out for being smaller than {in_words(image_size)} px: {decoded.small:,}.")
    if decoded.unreadable:
        notes.append(
            f"Left out because they cannot be read: {len(decoded.unreadable):,} (the first is {decoded.unreadable[0]})."
        )
    if decoded.unscaled:
        notes.append(
            "Left out because their white level is unknown (32 bits; save them with 8 or 16): "
            f"{len(decoded.unscaled):,} (the first is {decoded.unscaled[0]})."
        )
    notes += [f"Left out: {reason}: {count:,}." for reason, count in sorted((left_out or {}).items())]
    return notes + ([decoded.note] if decoded.note else [])
