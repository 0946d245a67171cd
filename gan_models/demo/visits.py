"""A visitor's files: where they are, how many there may be, and when they are removed.

Everything that is drawn for a visit, or made from its photos, is in its own folders. When the page is closed, the folders
are removed at once and running jobs end. Visits that are not closed are removed after an hour.
"""

import contextlib
import hashlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from starlette.responses import Response

from .. import images
from .uploads import blank

SECONDS = 3600  # after which a file is removed, and a visit without requests
MOST_VISITS = 500  # at a time; beyond it the least recent are removed
DRAWN, PHOTOS = (300, 40_000_000), (200, 100_000_000)  # files and bytes of one visit, besides what is on its screen


class Gone(Exception):
    """The visitor has left or removed the photo: nobody waits for this answer."""


class Store:
    """The files of one visit for one purpose. Each belongs to the place on the page that shows it; a place shows its
    last files. Beyond the limits the oldest files are removed, but none that is on the screen."""

    def __init__(self, folder: Path, gone: threading.Event, most: tuple[int, int]):
        self.folder, self.gone, self.most_files, self.most_bytes = folder, gone, *most
        folder.mkdir(mode=0o700, exist_ok=True)
        self._files: dict[Path, tuple[int, float]] = {}  # bytes and when, the oldest first
        self._shown: dict[str, set[Path]] = {}
        self._lock = threading.RLock()
        self._emptied, self._job = 0, threading.local()

    def __len__(self) -> int:
        return len(self._files)

    @property
    def bytes(self) -> int:
        return sum(size for size, _ in self._files.values())

    def __contains__(self, path: Path) -> bool:
        return path in self._files

    def begin(self) -> None:
        """Mark the start of a job in this thread. If the store is emptied during the job, its files are refused."""
        self._job.emptied = self._emptied

    def pictures(self, place: str, pictures: list[Image.Image], packets: Sequence[bytes] = ()) -> list[Path]:
        """Write pictures to files that a place on the page then shows. packets: the XMP of each picture. Raises
        Gone."""
        packets = packets or [b""] * len(pictures)
        with self._lock:
            self._check()
            paths = [
                images.save_by_content(picture, self.folder, packet)
                for picture, packet in zip(pictures, packets, strict=True)
            ]
            self._show(place, paths)
        return paths

    def file(self, place: str, name: str, write: Callable[[Path], None]) -> Path:
        """A file made by `write`, with a unique name: "walk.mp4" -> walk-4f...mp4. Raises Gone."""
        path = self.folder / f"{Path(name).stem}-{secrets.token_hex(8)}{Path(name).suffix}"
        try:
            write(path)
            with self._lock:
                self._check()
                self._show(place, [path])
        except OSError:
            self._check()
            raise
        except Gone:
            path.unlink(missing_ok=True)
            raise
        return path

    def empty(self) -> None:
        """Remove the content of all pictures. A slow page that still fetches one gets zeros."""
        with self._lock:
            self._emptied += 1
            self._job.emptied = self._emptied
            for path in self._files:
                blank(path)
            self._files = {path: (0, when) for path, (_, when) in self._files.items()}
            self._shown.clear()

    def sweep(self, seconds: float) -> None:
        """Remove what is older than that."""
        with self._lock:
            for path, (_, when) in list(self._files.items()):
                if time.monotonic() - when > seconds:
                    self._remove(path)

    def remove(self) -> None:
        """Remove all files."""
        with self._lock:
            self._files.clear()
            self._shown.clear()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self) -> None:
        if self.gone.is_set() or getattr(self._job, "emptied", self._emptied) != self._emptied:
            raise Gone

    def _show(self, place: str, paths: list[Path]) -> None:
        self._shown[place] = set(paths)
        for path in paths:
            self._files.pop(path, None)  # and add it again at the end, as the youngest
            self._files[path] = path.stat().st_size, time.monotonic()
        on_screen = set().union(*self._shown.values())
        old = [path for path in self._files if path not in on_screen]
        files, size = len(self._files), self.bytes
        for path in old:
            if files <= self.most_files and size <= self.most_bytes:
                break
            files, size = files - 1, size - self._files[path][0]
            self._remove(path)

    def _remove(self, path: Path) -> None:
        self._files.pop(path, None)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


class Visit:
    """One open page: what was drawn for it, what was made from its photos, and whether it is gone."""

    def __init__(self, folder: Path, name: str):
        self.gone, self.seen = threading.Event(), time.monotonic()
        self.drawn = Store(folder / f"drawn-{name}", self.gone, DRAWN)
        self.photos = Store(folder / f"visit-{name}", self.gone, PHOTOS)

    def begin(self) -> None:
        """Mark the start of a job in this thread."""
        self.seen = time.monotonic()
        self.drawn.begin()
        self.photos.begin()

    def check(self) -> None:
        """Raise Gone if a job need not go on."""
        if self.gone.is_set():
            raise Gone

    def leave(self) -> None:
        self.gone.set()
        self.drawn.remove()
        self.photos.remove()


class Visits:
    """All visits of one run of the server, with their files below `folder`."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def of(self, session: str | None) -> Visit:
        """The visit of a page. A request without a session gets a visit of its own."""
        name = folder_name(session) if session else secrets.token_hex(16)
        with self._lock:
            if name not in self._visits:
                self._visits[name] = Visit(self.folder, name)
            visit = self._visits[name]
            visit.begin()
            while len(self._visits) > MOST_VISITS:
                longest = min(self._visits, key=lambda name: self._visits[name].seen)
                self._visits.pop(longest).leave()
        return visit

    def find(self, path: str) -> Path | None:
        """The file with this path, if a visit made it, else None. The path may come from anybody: it is only compared
        with known paths."""
        file = Path(path)
        visit = self._visits.get(file.parent.name.partition("-")[2])
        return file if visit and (file in visit.drawn or file in visit.photos) else None

    def leave(self, session: str | None) -> None:
        """Remove the files of a page that was closed, and end its jobs."""
        name = folder_name(session)
        with self._lock:
            visit = self._visits.pop(name, None)
            if visit:
                visit.leave()

    def sweep(self, seconds: float = SECONDS) -> None:
        """Remove files and visits that are older than that."""
        with self._lock:
            for name, visit in list(self._visits.items()):
                if time.monotonic() - visit.seen > seconds:
                    self._visits.pop(name).leave()
                else:
                    visit.drawn.sweep(seconds)
                    visit.photos.sweep(seconds)


class PictureRoute:
    """ASGI middleware that sends the pictures of a page. Gradio would send the same, but checks the path on the disk many
    times and reads the file in other threads: 2 ms of CPU for each picture instead of less than 1."""

    PATH, KIND = "/gradio_api/file=", ".webp"

    def __init__(self, app, visits: Visits):
        self.app, self.visits = app, visits

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].endswith(self.KIND):
            before, ours, path = scope["path"].partition(self.PATH)
            file = self.visits.find(path) if ours else None
            if file and not any(name == b"range" for name, _ in scope["headers"]):
                with contextlib.suppress(OSError):  # it was removed meanwhile
                    response = Response(file.read_bytes(), media_type="image/webp")
                    return await response(scope, receive, send)
        return await self.app(scope, receive, send)


def folder_name(session: str | None) -> str:
    """The name of a visit's folders. It does not reveal the session, which is the visitor's secret."""
    return hashlib.sha256(str(session).encode("utf-8", "backslashreplace")).hexdigest()[:32]
