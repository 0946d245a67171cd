"""A photo while somebody edits it: opened once, faces found once, the chosen one encoded once; every edit after that is
quick.

portrait = open_portrait(editor, "holiday.jpg")
portrait.edited({"Smiling": 1.0}).save("smiling.jpg")
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import images
from .errors import InvalidInput, short
from .networks.compositing import smoothstep
from .networks.editor import Editor, Encoded
from .networks.retouch import EXCLUSIVE as ONE_OF
from .networks.retouch import Layers, RetouchEditor, Seen
from .photos import colour, crop, geometry, layered, opening
from .photos import faces as photos
from .rng import check_count

PREVIEW = 960  # pixels of the longer side of what is shown while sliders move
MOST = 1.0  # the largest change: an attribute wholly brought, or wholly taken away
TAKEN = 2.0  # what is taken for it: editors of the family editor once went so far


@dataclass(frozen=True)
class Portrait:
    """faces: all that were found, the largest first; chosen: the one that is edited; encoded: what the editor knows of
    it."""

    editor: Editor | RetouchEditor
    photo: Image.Image
    faces: tuple[photos.Face, ...]
    chosen: int
    encoded: Encoded | Seen

    @property
    def face(self) -> photos.Face:
        return self.faces[self.chosen]

    def choose(self, number: int) -> "Portrait":
        """The same photo with another face to edit, counted from 0. Raises InvalidInput where there is none of that
        number."""
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(self.faces):
            raise InvalidInput(
                f"There are {len(self.faces)} faces in the photo, so face {short(number)} cannot be chosen."
            )
        other = replace(self, chosen=number, encoded=_encode(self.editor, self.photo, self.faces[number]))
        vars(other)["_shrunken"] = self._shrunken
        return other

    def by(self, editor: Editor | RetouchEditor) -> "Portrait":
        """The same photo and face for another editor."""
        return replace(self, editor=editor, encoded=_encode(editor, self.photo, self.face))

    @property
    def shown(self) -> dict[str, float]:
        """How surely the chosen face shows each attribute, 0..1: what is not there cannot be taken away."""
        return dict(zip(self.editor.attributes, self.encoded.shown[0].tolist(), strict=True))

    @property
    def rooms(self) -> dict[str, tuple[float, float]]:
        """How much of a change the chosen face leaves to make, {name: (less, more)} 0..1: what is there already cannot
        be brought, and what is not there cannot be taken away."""
        shown = self.encoded.shown[0]
        less, more = (room(shown, torch.full_like(shown, more, dtype=torch.bool)).tolist() for more in (False, True))
        return dict(zip(self.editor.attributes, zip(less, more, strict=True), strict=True))

    @torch.inference_mode()
    def edited(self, differences: dict[str, float], photo: Image.Image | None = None) -> Image.Image:
        """The photo, at full size, with changes {name: -1..1} put into the chosen face: 0 leaves an attribute alone,
        and of a change so much is made as the face leaves room for. Numbers up to 2 either way are taken for 1. photo:
        the same one with other faces edited already. Raises InvalidInput."""
        photo, row = photo or self.photo, self._row(differences)
        if not row.any():
            return photo.copy()
        if isinstance(self.editor, RetouchEditor):
            layers = Layers.of(self.encoded.photos, *self.editor.directed(self.encoded, row))
            return layered.put_into(photo, self.face, layers)
        after = self.editor.decode(self.encoded, row)
        return crop.put_back(photo, self.face, self.encoded.photos[0], after[0])

    @torch.inference_mode()
    def strip(self, attribute: str, differences: dict[str, float], steps: int = 9) -> Tensor:
        """The aligned face (steps, C, H, W) with one attribute from its least to its most, the others as asked. Raises
        InvalidInput."""
        self._check_name(attribute)
        values = torch.linspace(-MOST, MOST, steps).tolist()
        rows = torch.cat([self._row(differences | {attribute: value}, attribute) for value in values])
        return self.editor.decode(self.encoded, rows)

    def small(self) -> "Portrait":
        """The same at most PREVIEW pixels wide and high and in sRGB, for answers while a slider moves."""
        if max(self.photo.size) <= PREVIEW and self._shrunken is self.photo:
            return self
        return self._showing(self._shrunken, geometry.Similarity(complex(min(1, PREVIEW / max(self.photo.size))), 0))

    def part(self, box: tuple[int, int, int, int], zoom: float) -> "Portrait":
        """The same cut to the pixels (left, top, right, bottom) of the photo and made smaller, zoom being at most 1; in
        sRGB. Changes of its faces are those of the whole photo's."""
        return self._showing(_smaller(self.photo, box, zoom), geometry.Similarity(zoom, -zoom * complex(*box[:2])))

    def _showing(self, photo: Image.Image, view: geometry.Similarity) -> "Portrait":
        """The same with a picture of the photo in its place, where the photo's point p is view(p)."""
        faces = tuple(
            replace(
                face,
                box=tuple(np.rint(view(np.reshape(face.box, (2, 2)))).astype(int).flatten().tolist()),
                landmarks=view(face.landmarks),
                frame=view @ face.frame,
            )
            for face in self.faces
        )
        return replace(self, photo=photo, faces=faces)

    @cached_property
    def _shrunken(self) -> Image.Image:
        """The photo at most PREVIEW pixels wide and high, in sRGB, made once for all its faces and edits."""
        return _smaller(self.photo, (0, 0, *self.photo.size), min(1, PREVIEW / max(self.photo.size)))

    def _check_name(self, name: str) -> None:
        if name not in self.editor.attributes:
            raise InvalidInput(
                f"There is no attribute {short(name)} to edit; there are {', '.join(self.editor.attributes)}."
            )

    def _row(self, differences: dict[str, float], first: str | None = None) -> Tensor:
        """(1, K). Of hair colours and baldness one is given, `first` if asked for, else what is asked for most; it
        takes away what the face shows of the others. Of all that is asked so much is given as there is room for."""
        row = torch.zeros(1, len(self.editor.attributes))
        for name, value in differences.items():
            self._check_name(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= TAKEN:
                raise InvalidInput(f"{name} must be a number from -{MOST:g} to {MOST:g}, not {short(value)}.")
            row[0, self.editor.attributes.index(name)] = max(-MOST, min(value, MOST))
        shown = self.encoded.shown
        group = [k for k, name in enumerate(self.editor.attributes) if name in ONE_OF]
        wished = [k for k in group if row[0, k] > 0]
        if wished:
            index = self.editor.attributes.index(first) if first else None
            one = index if index in wished else max(wished, key=lambda k: float(row[0, k]))
            for k in group:
                if k != one and row[0, k] >= 0:
                    row[0, k] = -row[0, one] * shown[0, k]
        return row * room(shown, row > 0)


def _smaller(photo: Image.Image, box: tuple[int, int, int, int], zoom: float) -> Image.Image:
    """The pixels (left, top, right, bottom) of the photo at `zoom`, at most 1, of their size, in sRGB."""
    if zoom < 1:
        size = tuple(max(1, round((box[k + 2] - box[k]) * zoom)) for k in (0, 1))
        return colour.to_srgb(photo.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3))
    return colour.to_srgb(photo if box == (0, 0, *photo.size) else photo.crop(box))


def room(shown: Tensor, more: Tensor) -> Tensor:
    """0..1: how much of a change is left to make where attributes are `shown` (0..1) and more of them is asked, or
    less."""
    return smoothstep((torch.where(more, 1 - shown, shown) - 0.05) / 0.4)


@torch.inference_mode()
def morph(first: Portrait, second: Portrait, frames: int) -> Tensor:
    """From one aligned face to another: (frames, C, H, W) in [-1, 1]. The codes move in a straight line and what the
    codes do not hold, the photos' own detail, is faded over, so that the ends are the very photos. Raises InvalidInput
    for two editors."""
    if first.editor is not second.editor:
        raise InvalidInput("Both photos must have been opened for the same editor.")
    if not isinstance(first.editor, Editor):
        raise InvalidInput(
            "This editor retouches one face and knows nothing between two: take one of the family editor."
        )
    frames = check_count(frames, least=2, most=1000, what="number of frames")
    t = torch.linspace(0, 1, frames)[:, None]
    a, b = first.encoded, second.encoded
    drawn = first.editor.draw(torch.lerp(a.codes, b.codes, t))
    t = t[:, :, None, None]
    return (drawn + torch.lerp(a.photos - drawn[:1], b.photos - drawn[-1:], t)).clamp(-1, 1)


def open_portrait(editor: Editor | RetouchEditor, source: opening.Source) -> Portrait:
    """A stranger's photo, its largest face chosen. Raises InvalidPhoto, NoFace, or MissingPackage."""
    photo = opening.open_photo(source)
    faces = tuple(photos.find_faces(photo))
    return Portrait(editor, photo, faces, 0, _encode(editor, photo, faces[0]))


def drawn_portrait(editor: Editor | RetouchEditor, picture: Tensor, size: int = 512) -> Portrait:
    """A picture (C, H, W) in [-1, 1] that a generator drew, all of it the face as the networks know faces."""
    photo = images.to_pil(picture[None])[0].convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    face = photos.aligned_face(photo)
    return Portrait(editor, photo, (face,), 0, _encode(editor, photo, face))


@torch.inference_mode()
def _encode(editor: Editor | RetouchEditor, photo: Image.Image, face: photos.Face) -> Encoded | Seen:
    return editor.encode(crop.align(photo, face, editor.image_shape[-1])[None])
