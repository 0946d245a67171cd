"""Lists the pictures of a folder, a zip or a tar. Nothing is decoded here, and nothing is unpacked to disk."""

import gzip
import os
import re
import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from collections import Counter
from functools import lru_cache
from pathlib import Path

from PIL import Image

from gan_models.celeba import CELEBA_PAGE
from gan_models.images import register_heif

from .decoding import DataError, Pictures, is_html, readable_formats

HEIF = (".heic", ".heif", ".hif")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MAX_FILES = 2_000_000  # ImageNet has 1.4 million
MAX_PICTURE = 2**28  # bytes of one encoded picture
MAX_UNPACKED = 2**39  # bytes of an archive's files in all: zip bombs declare far more, real data sets less
NO_PICTURE, NO_HEIF = "other files than pictures ({})", "HEIC photos, for want of the package pillow-heif"
DANGLING, SEEN = "links that lead nowhere", "links to folders that are read already"
IRREGULAR, CLOSED = "what is no regular file (pipes, devices)", "files and folders that may not be read"
HUGE = f"pictures of more than {MAX_PICTURE >> 20} MiB"


@lru_cache(maxsize=1)
def suffixes() -> tuple[str, ...]:
    """The file endings of the formats that can be read."""
    formats, has_heif = readable_formats(), register_heif()
    known = {suffix for suffix, name in Image.EXTENSION.items() if name in formats}
    return tuple(sorted(known - set(HEIF) | (set(HEIF) if has_heif else set())))


def is_hidden(name: str) -> bool:
    """Whether a name is one that file managers leave behind: .DS_Store, ._000001.jpg, __MACOSX/."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


class _Sorted:
    """The names of pictures, and the counts of other files by reason."""

    def __init__(self):
        self.stamps: dict[str, list] = {}
        self.left_out, self.endings = Counter(), Counter()

    def add(self, name: str, size: int, stamp: list) -> None:
        ending = _ending(name)
        if ending not in suffixes():
            self.left_out[NO_HEIF if ending in HEIF else NO_PICTURE] += 1
            if ending not in HEIF:
                self.endings[ending or "without an ending"] += 1
        elif size > MAX_PICTURE:
            self.left_out[HUGE] += 1
        else:
            self.stamps[name] = stamp

    def reasons(self) -> dict[str, int]:
        common = [ending for ending, _ in self.endings.most_common(5)]
        return {reason.format(", ".join(common)): count for reason, count in self.left_out.items()}


def in_folder(folder: Path) -> Pictures:
    """The pictures in a folder and its sub-folders, sorted, with / between the parts of a name.

    Links to folders are followed, once per folder. Links and files that are not readable pictures are counted.
    """
    found, folders, seen = _Sorted(), set(), {_inode(os.stat(folder))}
    links = []  # followed last, so that a folder inside this one is read under its own name
    waiting = [""]
    while waiting or links:
        if waiting:
            here = waiting.pop()
        else:
            here = links.pop(0)
            identity = _inode(os.stat(folder / here))
            if identity in seen:
                found.left_out[SEEN] += 1
                continue
            seen.add(identity)
            folders.add(here)
        try:
            with os.scandir(folder / here) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            if not here:
                raise
            found.left_out[CLOSED] += 1
            continue
        for entry in entries:
            name = f"{here}/{entry.name}" if here else entry.name
            if is_hidden(entry.name):
                continue
            try:
                status = entry.stat()
            except OSError:
                found.left_out[DANGLING if entry.is_symlink() else CLOSED] += 1
                continue
            if stat.S_ISDIR(status.st_mode):
                if entry.is_symlink():
                    links.append(name)
                elif (identity := _inode(os.stat(entry.path))) not in seen:  # Windows' scandir has no identity
                    seen.add(identity)
                    folders.add(name)
                    waiting.append(name)
            elif stat.S_ISREG(status.st_mode):
                found.add(name, status.st_size, [status.st_size, status.st_mtime_ns])
            else:
                found.left_out[IRREGULAR] += 1
    names = sorted(found.stamps)
    # The folder is part of the fingerprint: unpacked archives may have pictures of equal name, size and time.
    return Pictures(
        names,
        [found.stamps[name] for name in names],
        lambda name: _read_file(folder / name),
        folder.resolve(),
        frozenset(folders),
        found.reasons(),
    )


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _read_file(path: Path) -> bytes:
    """The content of a file, read without blocking, even if it has become a pipe since it was listed."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise EOFError
        return _bounded(stream)


def _bounded(stream) -> bytes:
    data = stream.read(MAX_PICTURE + 1)
    if len(data) > MAX_PICTURE:
        raise EOFError
    return data


def is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVES)


def in_archive(path: Path) -> Pictures:
    """The pictures of a zip or tar, which is not unpacked. Raises DataError for entries that no ordinary archive of
    pictures has."""
    return in_zip(path, "make it again") if path.name.lower().endswith(".zip") else in_tar(path)


def in_zip(path: Path, again: str = f"fetch it again from {CELEBA_PAGE}") -> Pictures:
    with open(path, "rb") as file:
        start = file.read(512)
    if is_html(start):
        raise DataError(
            f"{path} is a web page (Google Drive's quota notice, most likely), not an archive; delete it and fetch "
            f"the archive by hand from {CELEBA_PAGE}."
        )
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, struct.error) as error:
        raise DataError(f"{path} is truncated or not a zip archive; delete it and {again}.") from error
    members, check = {}, _Checked(path)
    for member in archive.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        name = check(member.filename, member.file_size, kind in (0, stat.S_IFREG, stat.S_IFDIR), member.is_dir())
        if name:
            members[name] = member
            check.found.add(name, member.file_size, [member.file_size, member.CRC])

    def read(name: str) -> bytes:
        with archive.open(members[name]) as stream:
            return _bounded(stream)

    # The checksums of the central directory identify the content, wherever the archive is.
    found = check.found
    return Pictures(
        list(found.stamps), list(found.stamps.values()), read, None, frozenset(check.folders), found.reasons()
    )


def in_tar(path: Path) -> Pictures:
    """The pictures of a tar, in its order, since a compressed one can only be read from the start."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        stream = _Stream(gzip.open(path) if packed else open(path, "rb"))
        archive = tarfile.open(fileobj=stream, mode="r:")
        members, check = {}, _Checked(path)
        status = path.stat()
        for member in archive:
            honest = (member.isreg() or member.isdir()) and not member.issparse()
            name = check(member.name, member.size, honest, member.isdir())
            if name:
                members[name] = member
                stamp = [str(path.resolve()), status.st_size, status.st_mtime_ns, member.offset_data]
                check.found.stamps.pop(name, None)  # of entries with the same name the last one counts
                check.found.add(name, member.size, stamp)
        if stream.ended:  # without the blocks of zeros at the end
            raise EOFError
    except DataError:  # which is also a ValueError
        raise
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, ValueError) as error:
        raise DataError(f"{path} is truncated, damaged or not a tar archive; delete it and make it again.") from error
    lock = threading.Lock()

    def read(name: str) -> bytes:
        with lock:
            try:
                return _bounded(archive.extractfile(members[name]))
            except (tarfile.TarError, gzip.BadGzipFile) as error:
                raise EOFError from error

    found = check.found
    return Pictures(
        list(found.stamps),
        list(found.stamps.values()),
        read,
        None,
        frozenset(check.folders),
        found.reasons(),
        one_by_one=True,
    )


class _Checked:
    """The checks of every entry of an archive."""

    def __init__(self, path: Path):
        self.path, self.count, self.size = path, 0, 0
        self.found, self.folders = _Sorted(), set()

    def __call__(self, name: str, size: int, honest: bool, folder: bool) -> str | None:
        """The name of a file to read, with / between its parts, or None. Raises DataError."""
        self.count, self.size = self.count + 1, self.size + size
        parts = re.split(r"[/\\]", name)
        again = "make the archive again, of pictures and folders only."
        if self.count > MAX_FILES:
            raise DataError(f"{self.path} holds more than {MAX_FILES:,} files; make smaller archives of it.")
        if size < 0 or self.size > MAX_UNPACKED:
            raise DataError(
                f"The files of {self.path} have more than {MAX_UNPACKED:,} bytes when unpacked, too many to train on; "
                "make a smaller archive."
            )
        if ".." in parts or name.startswith(("/", "\\")) or re.match("[A-Za-z]:", name):
            raise DataError(f"{self.path} holds an entry that leads out of it, {name[:80]!r}; {again}")
        if not honest:
            raise DataError(f"{self.path} holds {name[:80]!r}, which is a link, a device or a sparse file; {again}")
        name = "/".join(part for part in parts if part not in ("", "."))
        if not name or is_hidden(name):
            return None
        folders = name.split("/")[: None if folder else -1]
        self.folders.update("/".join(folders[: k + 1]) for k in range(len(folders)))
        return None if folder else name


class _Stream:
    """A file with limits on each read and on its length: the headers of a tar may ask for gigabytes of zeros."""

    def __init__(self, file):
        self.file, self.seek, self.tell, self.ended = file, file.seek, file.tell, False

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_PICTURE + 1 or self.tell() > MAX_UNPACKED + 2**30:
            raise tarfile.ReadError("too much at once")
        data = self.file.read(size)
        self.ended = self.ended or len(data) < size
        return data
