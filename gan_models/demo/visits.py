"""A visitor's files: where they lie, how many there may be, and that they go.

All that is drawn for a visit or made of its photos lies in folders of its own. When the page is closed they go at
once, and jobs that still run for it end; what nobody closed goes after an hour.
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

from .. import images
from .uploads import blank

SECONDS = 3600  # after which a file goes, and a visit that asked for nothing meanwhile
MOST_VISITS = 500  # at a time: beyond it the longest silent ones go
DRAWN, PHOTOS = (300, 40_000_000), (200, 100_000_000)  # files and bytes of one visit, besides what is on its screen


class Gone(Exception):
    """The visitor has left or taken the photo away: nobody waits for this answer."""


class Store:
    """The files of one visit for one purpose. Each belongs to the place of the page that shows it; a place shows what
    was put there last. Beyond so many files or bytes the oldest go, but never what is on the screen."""

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

    def begin(self) -> None:
        """A job starts in this thread. If the store is emptied meanwhile, nothing that it made before comes in any
        more."""
        self._job.emptied = self._emptied

    def pictures(self, place: str, pictures: list[Image.Image], packets: Sequence[bytes] = ()) -> list[Path]:
        """Pictures as files that a place of the page shows from now on; packets: what is written inside each. Raises
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
        """A file that `write` makes, with a name of its own: "walk.mp4" -> walk-4f...mp4. Raises Gone."""
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
        """Nothing is left of the pictures, though a slow page that still fetches one is answered: with zeros."""
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
        """All of it, for good."""
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
            self._files.pop(path, None)  # to the end, where the youngest are
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
    """One page that is open: what was drawn for it, what was made of its photos, and whether it is gone."""

    def __init__(self, folder: Path, name: str):
        self.gone, self.seen = threading.Event(), time.monotonic()
        self.drawn = Store(folder / f"drawn-{name}", self.gone, DRAWN)
        self.photos = Store(folder / f"visit-{name}", self.gone, PHOTOS)

    def begin(self) -> None:
        """A job starts in this thread."""
        self.seen = time.monotonic()
        self.drawn.begin()
        self.photos.begin()

    def check(self) -> None:
        """Raises Gone where a job need not go on."""
        if self.gone.is_set():
            raise Gone

    def leave(self) -> None:
        self.gone.set()
        self.drawn.remove()
        self.photos.remove()


class Visits:
    """All visits of one run of the server; their files lie below `folder`."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def of(self, session: str | None) -> Visit:
        """The visit of a page. A request that names no page gets one for itself."""
        name = name_of(session) if session else secrets.token_hex(16)
        with self._lock:
            if name not in self._visits:
                self._visits[name] = Visit(self.folder, name)
            visit = self._visits[name]
            visit.begin()
            while len(self._visits) > MOST_VISITS:
                longest = min(self._visits, key=lambda name: self._visits[name].seen)
                self._visits.pop(longest).leave()
        return visit

    def leave(self, session: str | None) -> None:
        """The page was closed: its files go and its jobs end."""
        name = name_of(session)
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


def name_of(session: str | None) -> str:
    """What a visit's folders are called. It does not tell the session, which is the visitor's secret."""
    return hashlib.sha256(str(session).encode("utf-8", "backslashreplace")).hexdigest()[:32]
