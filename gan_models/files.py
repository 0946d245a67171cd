"""Reading and writing files safely. Files are written to a temporary name and renamed. Files that others made are read up
to a limit, and only if they are regular files."""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

MAX_DEPTH = 64  # of lists and objects within each other in a JSON file; ours have six
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"} | dict.fromkeys(
    (stat.S_IFCHR, stat.S_IFBLK), "a device"
)


class UnfitFile(Exception):
    """A file that must not be read. The message follows the file's name in a sentence, such as "is a pipe"."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary name and rename, so that no reader ever sees half a file and a full disk destroys nothing."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def cache_folder() -> Path:
    """The folder GAN_STUDIO_CACHE, else the operating system's cache folder for this user."""
    if folder := os.environ.get("GAN_STUDIO_CACHE"):
        return Path(folder)
    variable = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
    return Path(os.environ.get(variable) or Path.home() / ".cache") / "gan-studio"


@contextlib.contextmanager
def open_regular(path: Path, most: int | None = None, inside: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file that somebody else made for reading.

    most: limit of its bytes. inside: the folder in which it must be, after links are resolved; for a snapshot of the
    Hub's cache, whose files are links, also the blobs of that cache. Only regular files are opened, since pipes and
    devices may block or never end. Raises FileNotFoundError, UnfitFile, or OSError if it may not be read.
    """
    try:
        real = os.path.realpath(path, strict=True)
    except ValueError as error:  # a name with a NUL
        raise FileNotFoundError(f"no file can have the name {path!r}") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnfitFile("is a link that leads back to itself") from error
        raise
    if inside is not None and not any(_within(real, folder) for folder in _homes(inside)):
        raise UnfitFile("is a link out of its folder")
    _check_kind(os.stat(real), most)
    # O_NONBLOCK and O_NOFOLLOW protect against a file that is replaced in between; Windows has neither.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(real, flags), "rb") as file:
        _check_kind(os.fstat(file.fileno()), most)
        yield file


def read_bounded(path: Path, most: int, inside: Path | None = None) -> bytes:
    """The content of a file of at most `most` bytes. Raises as `open_regular` does."""
    with open_regular(path, most, inside) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it has grown meanwhile
        raise UnfitFile(f"is too large: more than {most:,} bytes")
    return data


def read_json(path: Path, most: int, inside: Path | None = None) -> Any:
    """The value in a JSON file of at most `most` bytes. Raises as `open_regular` does, and UnfitFile for a file that is
    not JSON, is nested deeper than MAX_DEPTH, or holds text that is not Unicode (lone surrogates)."""
    try:
        value = json.loads(read_bounded(path, most, inside))
    except (ValueError, RecursionError) as error:
        raise UnfitFile("is not JSON") from error
    _check_value(value)
    return value


def _within(path: str, folder: str) -> bool:
    try:
        return os.path.commonpath([path, folder]) == folder
    except ValueError:  # another drive
        return False


def _homes(folder: Path) -> list[str]:
    """The folders in which files of this folder may be: itself, and for <cache>/models--user--repo/snapshots/<commit>
    also that repository's blobs and the blobs that the repositories of a cache share."""
    real = os.path.realpath(folder)
    for commit in (Path(real), *Path(real).parents):  # a model may be in a folder of its repository
        snapshots, repository = commit.parent, commit.parent.parent
        if snapshots.name == "snapshots" and repository.name.startswith("models--"):
            return [real, str(repository / "blobs"), str(repository.parent / "blobs")]
    return [real]


def _check_kind(status: os.stat_result, most: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnfitFile(f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no regular file')}")
    if most is not None and status.st_size > most:
        raise UnfitFile(f"is too large: {status.st_size:,} bytes, where at most {most:,} are expected")


def _check_value(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        below = []
        for item in level:
            if isinstance(item, dict):
                below += [*item, *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str) and not is_text(item):
                raise UnfitFile("holds text that is no Unicode")
        if not below:
            return
        level = below
    raise UnfitFile(f"is nested deeper than {MAX_DEPTH} levels")


def is_text(text: str) -> bool:
    """Whether a text can be encoded: JSON allows lone halves of surrogate pairs, which no encoding accepts."""
    try:
        text.encode()
        return True
    except UnicodeEncodeError:
        return False
