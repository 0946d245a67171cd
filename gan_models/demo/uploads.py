"""Uploads: the files that this server's own upload route made. Each may be opened once, and nothing else may be opened.

A request names a file by its path, and can name any path. So a path is only compared with those that the route returned,
and opened if it is one of them. Each upload has its own folder with a name that nobody can guess, so two visitors who
send the same photo share nothing.
"""

import contextlib
import os
import secrets
import shutil
import stat
import threading
import time
from pathlib import Path

from gradio.route_utils import MultiPartException, upload_fn
from gradio.routes import file_upload_statuses
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

from ..errors import InvalidPhoto
from . import words

MOST_BYTES = 40 * 1024 * 1024  # of a photo
ENVELOPE = 64 * 1024  # bytes of a request around its photo
MOST_ASKED = 1024**2  # bytes of any other request
MOST_PAINTED = 4 * 1024**2  # bytes of one layer of a canvas
MOST_WAITING = 2 * 1024**3  # bytes of all photos that were not opened yet; beyond it the oldest are removed
SECONDS = 3600  # after which an upload is removed, opened or not


class Uploads:
    """The uploads of one run of the server, in a folder that holds nothing else."""

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder).resolve()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._waiting: dict[str, int] = {}  # path -> bytes of uploads that were not opened yet, the oldest first
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """An empty folder for one upload, with a name that nobody can guess."""
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def add(self, paths: list[str]) -> None:
        """Allow the files that the route just made to be opened, each once."""
        with self._lock:
            self._waiting |= {path: os.stat(path).st_size for path in paths}
            while sum(self._waiting.values()) > MOST_WAITING:
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
                self._remove(Path(oldest))

    def take(self, upload) -> bytes:
        """The content of the upload {"path": ...} that a request names. It can be taken once; on the disk its bytes
        are replaced by zeros, for a slow page that still fetches the file. Raises InvalidPhoto for anything else."""
        path = upload.get("path") if isinstance(upload, dict) else None
        with self._lock:
            known = isinstance(path, str) and self._waiting.pop(path, None) is not None
        if not known:
            raise InvalidPhoto(words.NO_UPLOAD)
        try:
            return _read_upload(Path(path))
        finally:
            blank(Path(path))

    def sweep(self, seconds: float = SECONDS) -> None:
        """Remove uploads that are older than that."""
        for folder in list(self.folder.iterdir()):
            with contextlib.suppress(OSError):
                if time.time() - folder.lstat().st_mtime > seconds:
                    with self._lock:
                        for path in [path for path in self._waiting if Path(path).is_relative_to(folder)]:
                            del self._waiting[path]
                    shutil.rmtree(folder, ignore_errors=True)

    def _remove(self, path: Path) -> None:
        shutil.rmtree(self.folder / path.relative_to(self.folder).parts[0], ignore_errors=True)


def _read_upload(path: Path) -> bytes:
    """The bytes of a regular file, read without following links and without blocking, even if the file that the route
    made was replaced."""
    gone = InvalidPhoto(words.NO_UPLOAD)
    try:
        if path.resolve(strict=True) != path:
            raise gone
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                raise gone
            return file.read(MOST_BYTES)
    except OSError as error:
        raise gone from error


def blank(path: Path) -> None:
    """Replace the bytes of a regular file by zeros. A missing file, or anything but a regular file, is left alone."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            zeros = path.with_name(f".{secrets.token_hex(8)}.tmp")
            with open(zeros, "xb") as file:
                file.truncate(status.st_size)
            os.replace(zeros, path)


class UploadRoute:
    """ASGI middleware that answers Gradio's upload route. Each request gets its own folder and at most MOST_BYTES.

    (Gradio names uploads by content, so that the same photo of two visitors would be one file.) It also refuses other
    requests that are larger than any that the page makes.
    """

    PATH = "/gradio_api/upload"
    PAINTED = "/gradio_api/component_server"

    def __init__(self, app, uploads: Uploads):
        self.app, self.uploads = app, uploads

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].rstrip("/").endswith(self.PATH):
            response = await self._receive(Request(scope, bounded(receive)))
            return await response(scope, receive, send)
        painted = scope["type"] == "http" and scope["path"].rstrip("/").endswith(self.PAINTED)
        most = MOST_PAINTED if painted else MOST_ASKED
        if scope["type"] == "http" and int(Headers(scope=scope).get("content-length", 0)) > most:
            return await PlainTextResponse(words.too_large(most), 413)(scope, receive, send)
        return await self.app(scope, receive, send)

    async def _receive(self, request: Request):
        folder, made = self.uploads.new_folder(), []
        upload_id = request.query_params.get("upload_id")
        try:
            made, left, _ = await upload_fn(
                request, str(folder), MOST_BYTES, upload_id, upload_progress=file_upload_statuses if upload_id else None
            )
            made = [] if left else made  # something is left over: a file whose name no file can have
            self.uploads.add(made)
            return JSONResponse(made) if made else PlainTextResponse(words.UPLOAD_EMPTY, 400)
        except TooLarge:
            return PlainTextResponse(words.too_large(MOST_BYTES), 413)
        except MultiPartException as error:
            return PlainTextResponse(error.message, 413 if "maximum allowed size" in error.message else 400)
        except HTTPException as error:
            return PlainTextResponse(str(error.detail), error.status_code)
        except Exception:  # a broken request: parsers of strangers' bytes raise nearly anything
            return PlainTextResponse(words.UPLOAD_BROKEN, 400)
        finally:
            if not made:
                shutil.rmtree(folder, ignore_errors=True)
                if upload_id:
                    file_upload_statuses.set_done(upload_id)


class TooLarge(Exception):
    """A request has more bytes than a photo may have."""


def bounded(receive, most: int = MOST_BYTES + ENVELOPE):
    """An ASGI `receive` that raises TooLarge beyond `most` bytes."""
    left = most

    async def bounded_receive():
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge
        return message

    return bounded_receive
