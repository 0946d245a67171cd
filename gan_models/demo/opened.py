"""A photo while a visitor edits it: the pictures of it that the page shows, and what changes make of them.

Places are told in shares of the photo's width and height, (left, top, right, bottom), so that a change that was worked
out for one picture of the photo can be shown in all of them.
"""

import base64
import io
import re
import secrets
import threading
from dataclasses import replace
from typing import NamedTuple

from PIL import Image

from ..photos import crop, geometry
from ..portrait import PREVIEW, Portrait

AROUND = 0.12  # of the window's side: so much is shown around a face that is looked at alone
CLOSE = 0.4  # of the photo: a face that fills more of it is not looked at alone
WINDOW = 512  # pixels of a face's window on the page, at most: beyond it a change would take longer than it may
NARROW = 0.1  # room for a change that is too little to offer it

Edits = dict[int, dict[str, float]]  # number of a face -> changes {name: -1..1}
Place = tuple[float, float, float, float]


class View(NamedTuple):
    """A part of the photo as the page shows it. box: in pixels of the photo."""

    box: tuple[int, int, int, int]
    portrait: Portrait


class Opened:
    """name: of files that are made of the photo; drawn: nobody's, a generator drew it."""

    def __init__(self, portrait: Portrait, name: str, drawn: bool = False, key: str | None = None):
        self.portrait, self.name, self.drawn = portrait, file_name(name), drawn
        self.key = key or secrets.token_hex(8)  # the page says by it which photo it means
        self._faces = {portrait.chosen: portrait}
        self._views: dict[int | None, View] = {}
        self._lock = threading.Lock()

    def face(self, number: int) -> Portrait:
        """The photo with that face chosen, which is encoded once. Raises InvalidInput where there is none."""
        with self._lock:
            if number not in self._faces:
                self._faces[number] = self.portrait.choose(number)
            return self._faces[number]

    def by(self, editor) -> "Opened":
        """The same photo for another editor."""
        return Opened(self.portrait.by(editor), self.name, self.drawn)

    def view(self, number: int | None) -> View:
        """What the page shows of a face, or of the whole photo (None). Raises InvalidInput where there is no such
        face."""
        portrait = self.portrait if number is None else self.face(number)
        with self._lock:
            if number not in self._views:
                self._views[number] = self._made(portrait, number)
            return self._views[number]

    def _made(self, portrait: Portrait, number: int | None) -> View:
        width, height = portrait.photo.size
        box, side = (0, 0, width, height), max(window_side(face) for face in portrait.faces)
        if number is not None:
            close = around(portrait.face, portrait.photo.size)
            if (close[2] - close[0]) * (close[3] - close[1]) <= CLOSE * width * height:
                box, side = close, window_side(portrait.face)
        zoom = min(1.0, PREVIEW / max(box[2] - box[0], box[3] - box[1]), WINDOW / side)
        return View(box, portrait.part(box, zoom))

    def place(self, box: tuple[int, int, int, int]) -> Place:
        """A box in pixels of the photo, in shares of it."""
        width, height = self.portrait.photo.size
        return box[0] / width, box[1] / height, box[2] / width, box[3] / height

    @property
    def places(self) -> list[Place]:
        """Of all faces."""
        return [self.place(face.box) for face in self.portrait.faces]

    def edited(self, number: int, edits: Edits) -> tuple[Image.Image, Place] | None:
        """The window of a face with its changes, and those of others that reach into it, and where it lies; None where
        it is as it was. Beyond its window a change of a face changes nothing."""
        view = self.view(number)
        photo, window = view.portrait.photo, window_of(view.portrait, number)
        if not window:
            return None
        edited = photo
        for other, changes in sorted(edits.items()):
            if any(changes.values()) and overlap(window, window_of(view.portrait, other)):
                there = replace(view.portrait, chosen=other, encoded=self.face(other).encoded)
                edited = there.edited(changes, edited)
        if edited is photo:
            return None
        left, top, right, bottom = view.box
        across, down = (right - left) / photo.width, (bottom - top) / photo.height
        inside = (
            left + window[0] * across,
            top + window[1] * down,
            left + window[2] * across,
            top + window[3] * down,
        )
        return edited.crop(window), self.place(inside)

    def full(self, edits: Edits) -> Image.Image:
        """The photo at full size with all changes of all faces."""
        edited = self.portrait.photo
        for number, changes in sorted(edits.items()):
            edited = self.face(number).edited(changes, edited)
        return edited

    def blocked(self, number: int) -> dict[str, tuple[bool, bool]]:
        """Of a face: whether (less, more) of each attribute cannot be asked for, since it is not there, or there
        already."""
        return {name: (less < NARROW, more < NARROW) for name, (less, more) in self.face(number).rooms.items()}


def window_side(face) -> float:
    """Pixels of the photo across the window in which a change of a face happens."""
    return crop.face_window(face, 1).scale


def around(face, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box in a photo of that size (width, height) around the window of a face."""
    left, top, right, bottom = geometry.bounds(crop.face_window(face, 1), (1, 1), AROUND * window_side(face))
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def window_of(portrait: Portrait, number: int) -> tuple[int, int, int, int] | None:
    """The window of a face in the picture, in whole pixels; None where it lies outside."""
    width, height = portrait.photo.size
    left, top, right, bottom = geometry.bounds(crop.face_window(portrait.faces[number], 1), (1, 1))
    box = max(0, left), max(0, top), min(width, right), min(height, bottom)
    return box if box[0] < box[2] and box[1] < box[3] else None


def overlap(a: tuple | None, b: tuple | None) -> bool:
    return bool(a and b) and a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def as_url(picture: Image.Image) -> str:
    """A JPEG inside its own address: no file is made of what is shown while a slider moves, and nothing is asked for
    twice."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def file_name(name: str, most: int = 60) -> str:
    """What every system takes of a stranger's file name."""
    return re.sub(r"[^\w-]+", "-", name)[:most].strip("-_") or "photo"


def name_of_edit(name: str, edits: Edits) -> str:
    """ "holiday" -> "holiday-smiling-less-blond-hair"."""
    asked: dict[str, float] = {}
    for changes in edits.values():
        asked |= {change: value for change, value in changes.items() if value}
    told = [f"{'' if value > 0 else 'less-'}{change.lower().replace('_', '-')}" for change, value in asked.items()]
    if len(told) > 4:
        told = [*told[:3], "and-more"]
    return file_name("-".join([name, *told]), 140)
