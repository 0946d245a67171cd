"""A photo while a visitor edits it: the views of it that the page shows, with the changes.

Places are shares of the photo's width and height, (left, top, right, bottom), so that a change that was computed for
one view of the photo can be shown in all of them.
"""

import base64
import io
import re
import secrets
import threading
from typing import NamedTuple

from PIL import Image

from ..networks.retouch import RetouchEditor
from ..photos import crop, geometry, surroundings
from ..portrait import PREVIEW, Portrait

AROUND = 0.12  # of the window's side: the margin that the view of a single face has
CLOSE = 0.4  # of the photo: a face that fills more of it gets no view of its own
WINDOW = 512  # pixels of a face's window on the page, at most: a larger one would take too long
NARROW = 0.1  # a change with less room than this is not offered

Edits = dict[int, dict[str, float]]  # number of a face -> changes {name: -1..1}
Place = tuple[float, float, float, float]


class View(NamedTuple):
    """A part of the photo on the page. box: in pixels of the photo."""

    box: tuple[int, int, int, int]
    portrait: Portrait


class Opened:
    """name: of files made from the photo. drawn: whether a generator drew it."""

    def __init__(self, portrait: Portrait, name: str, drawn: bool = False, key: str | None = None):
        self.portrait, self.name, self.drawn = portrait, safe_name(name), drawn
        self.key = key or secrets.token_hex(8)  # identifies the photo in requests of the page
        self._faces = {portrait.chosen: portrait}
        self._views: dict[int | None, View] = {}
        self._lock = threading.Lock()

    def face(self, number: int) -> Portrait:
        """The photo with this face chosen; a face is encoded once. Raises InvalidInput if there is no such face."""
        with self._lock:
            if number not in self._faces:
                self._faces[number] = self.portrait.choose(number)
            return self._faces[number]

    def by(self, editor) -> "Opened":
        """The same photo for another editor."""
        return Opened(self.portrait.by(editor), self.name, self.drawn)

    def view(self, number: int | None) -> View:
        """The view of a face, or of the whole photo (None). Raises InvalidInput if there is no such face."""
        portrait = self.portrait if number is None else self.face(number)
        with self._lock:
            if number not in self._views:
                self._views[number] = self._made(portrait, number)
            return self._views[number]

    def _made(self, portrait: Portrait, number: int | None) -> View:
        width, height = portrait.photo.size
        box, side = (0, 0, width, height), max(window_side(face) for face in portrait.faces)
        if number is not None:
            close = around(portrait, portrait.photo.size)
            if (close[2] - close[0]) * (close[3] - close[1]) <= CLOSE * width * height:
                box, side = close, window_side(portrait.face)
        zoom = min(1.0, PREVIEW / max(box[2] - box[0], box[3] - box[1]), WINDOW / side)
        return View(box, portrait.part(box, zoom))

    def place(self, box: tuple[int, int, int, int]) -> Place:
        """A box in pixels of the photo -> shares of it."""
        width, height = self.portrait.photo.size
        return box[0] / width, box[1] / height, box[2] / width, box[3] / height

    @property
    def places(self) -> list[Place]:
        """The places of all faces."""
        return [self.place(face.box) for face in self.portrait.faces]

    def edited(self, number: int, edits: Edits) -> tuple[Image.Image, Place] | None:
        """The window of a face with its changes and those of other faces that reach into it, and its place; None if
        nothing is changed. A change of a face affects nothing beyond its window, which is a larger one for a hair
        colour."""
        view = self.view(number)
        photo = view.portrait.photo

        def window_with(face: int) -> tuple[int, int, int, int] | None:
            return window_of(view.portrait, face, self.face(face).goes_beyond(edits.get(face, {})))

        window = window_with(number)
        if not window:
            return None
        edited = photo
        for other, changes in sorted(edits.items()):
            if any(changes.values()) and overlap(window, window_with(other)):
                edited = view.portrait.showing(self.face(other)).edited(changes, edited)
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
        """The photo at full size with the changes of all faces."""
        edited = self.portrait.photo
        for number, changes in sorted(edits.items()):
            edited = self.face(number).edited(changes, edited)
        return edited

    def blocked(self, number: int) -> dict[str, tuple[bool, bool]]:
        """For each attribute whether (less, more) of it cannot be requested, because the face does not have it, or has
        it already; or because the face is turned too far to the side."""
        if self.face(number).turned:
            return dict.fromkeys(self.face(number).rooms, (True, True))
        return {name: (less < NARROW, more < NARROW) for name, (less, more) in self.face(number).rooms.items()}


def window_side(face) -> float:
    """The side, in pixels of the photo, of the window in which a face is changed."""
    return crop.face_window(face, 1).scale


def around(portrait: Portrait, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box around the window of the chosen face, in a photo of size (width, height): as far as it may change."""
    if isinstance(portrait.editor, RetouchEditor):
        left, top, right, bottom = geometry.bounds(surroundings.wide_window(portrait.face, 2), (2, 2))
    else:
        margin = AROUND * window_side(portrait.face)
        left, top, right, bottom = geometry.bounds(crop.face_window(portrait.face, 1), (1, 1), margin)
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def window_of(portrait: Portrait, number: int, wide: bool = False) -> tuple[int, int, int, int] | None:
    """The window of a face in the picture, in whole pixels; None if it lies outside. wide: with its surroundings."""
    face, (width, height) = portrait.faces[number], portrait.photo.size
    view = surroundings.wide_window(face, 2) if wide else crop.face_window(face, 1)
    left, top, right, bottom = geometry.bounds(view, (2, 2) if wide else (1, 1))
    box = max(0, left), max(0, top), min(width, right), min(height, bottom)
    return box if box[0] < box[2] and box[1] < box[3] else None


def overlap(a: tuple | None, b: tuple | None) -> bool:
    return bool(a and b) and a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def as_url(picture: Image.Image) -> str:
    """A picture as a JPEG in a data: address, so that pictures which are shown while a slider moves need no file and no
    second request."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def safe_name(name: str, most: int = 60) -> str:
    """A stranger's file name without the characters that some systems forbid."""
    return re.sub(r"[^\w-]+", "-", name)[:most].strip("-_") or "photo"


def name_of_edit(name: str, edits: Edits) -> str:
    """ "holiday" -> "holiday-smiling-less-blond-hair"."""
    asked: dict[str, float] = {}
    for changes in edits.values():
        asked |= {change: value for change, value in changes.items() if value}
    told = [f"{'' if value > 0 else 'less-'}{change.lower().replace('_', '-')}" for change, value in asked.items()]
    if len(told) > 4:
        told = [*told[:3], "and-more"]
    return safe_name("-".join([name, *told]), 140)
